"""What we do about a score: for each category and direction, from when on we note, inform, warn and block.

A policy is data with a version. The version is stored with every verdict, so a change of a threshold is a new version.

    {"input":  {"*": {"block": 0.5}, "specialized_advice": {"inform": 0.5}, ...},
     "output": {"*": {"block": 0.5}, ...},
     "closed": ["child_exploitation", ...],
     "unknown_language": {"scale": 0.5, "action": "inform"},
     "code": "warn"}

"*" holds for every category without rules of its own, those a guard names and we do not know included.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Literal, get_args

from assistant.safety.taxonomy import CATEGORIES, PROMPT_INJECTION, UNKNOWN
from assistant.safety.verdict import Action
from assistant.wording import Translate, gettext_noop

Direction = Literal["input", "output"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
STRICTNESS: tuple[Action, ...] = get_args(Action)
"""From mildest to strictest."""
ANY = "*"
CodeRule = Literal["off", "warn", "block"]
"""What is done about code in an answer: nothing; a badge beside it; an answer with a grave weakness is withheld too,
and no code is shown before it was looked through."""

CODE_RULES: tuple[CodeRule, ...] = get_args(CodeRule)
UNSCALED: frozenset[str] = frozenset({"self_harm", PROMPT_INJECTION})
"""Judged alike in every language: who is in distress is answered in all of them, and a language that the classifier
does not know looks a little like a jailbreak."""

SMALL_MODEL = 1_000_000_000
"""Parameters below which a model is not left to answer somebody in distress."""

CLOSED_AT = 0.2
"""While the usual guard is away: the score of a lesser one from which a category that fails closed holds a turn."""


class PolicyError(ValueError):
    """The rules cannot be read; `said` tells where and why, to whoever wrote them, in their language."""

    def __init__(self, text: str, where: str = "", **values: object) -> None:
        self._text, self._where, self._values = text, where, values
        super().__init__(self.said())

    def said(self, translate: Translate = str) -> str:
        return translate(self._text) % {"where": self._where, **self._values}

    def inside(self, outer: str) -> "PolicyError":
        """The same, as seen from farther out in the rules."""
        return PolicyError(self._text, f"{outer}.{self._where}", **self._values)


def _check_number(value: object) -> None:
    """Raises TypeError for what JSON can hold in the place of a number, true and false included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Scores in [0, 1] from which a category is noted, informed about, warned about or blocked; None never is."""

    log: float | None = None
    inform: float | None = None
    warn: float | None = None
    block: float | None = None

    def __post_init__(self) -> None:
        before = ("", 0.0)
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            _check_number(value)
            if not 0.0 <= value <= 1.0:
                raise PolicyError(gettext_noop("%(where)s: %(value)s is not between 0 and 1"), field.name, value=value)
            if value < before[1]:
                hidden = gettext_noop("%(where)s at %(value)s would hide %(other)s at %(limit)s")
                raise PolicyError(hidden, field.name, value=value, other=before[0], limit=before[1])
            before = (field.name, value)

    def action(self, score: float | None, *, scale: float = 1.0) -> Action:
        """What a score asks for, with thresholds times `scale`. A category named without a score is certain."""
        certain = 1.0 if score is None else score
        for action in reversed(STRICTNESS[1:]):
            threshold = getattr(self, action)
            if threshold is not None and certain >= threshold * scale:
                return action
        return "allow"


@dataclass(frozen=True, slots=True)
class Decision:
    """The strictest action any category asks for, and the categories that asked for it, strongest first."""

    action: Action
    violated: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownLanguage:
    """What a guard that does not know the language of a message makes of it: it is said, and may be judged stricter.

    scale    thresholds are multiplied by this: below 1, lower scores are enough
    action   what happens at least

    Rules that do not say it mean what they did when they were put into force.
    """

    scale: float = 0.5
    action: Action = "inform"

    def __post_init__(self) -> None:
        _check_number(self.scale)
        if not 0.0 < self.scale <= 1.0:
            beyond = gettext_noop("%(where)s: %(value)s is not above 0 and at most 1")
            raise PolicyError(beyond, "unknown_language.scale", value=self.scale)
        if self.action not in STRICTNESS:
            strange, actions = gettext_noop("%(where)s: %(value)r is none of %(actions)s"), ", ".join(STRICTNESS)
            raise PolicyError(strange, "unknown_language.action", value=self.action, actions=actions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One version of the rules. A category without thresholds of its own gets those of `UNKNOWN`.

    `closed` are the categories for which a turn is held, and not judged by a lesser guard, while the usual one is away.
    `code` is None where the rules do not say it: the settings do then.
    """

    version: str
    thresholds: Mapping[Direction, Mapping[str, Thresholds]]
    closed: frozenset[str] = frozenset()
    unknown_language: UnknownLanguage = UnknownLanguage()
    code: CodeRule | None = None

    def decide(
        self, categories: Mapping[str, float | None], direction: Direction, *, knows_language: bool = True
    ) -> Decision:
        """Weigh the scores of one message. `categories` maps canonical slugs to scores, without the overall score."""
        rules = self.thresholds[direction]
        scale = 1.0 if knows_language else self.unknown_language.scale
        actions = {
            slug: rules.get(slug, rules[UNKNOWN]).action(score, scale=1.0 if slug in UNSCALED else scale)
            for slug, score in categories.items()
        }
        least: Action = "allow" if knows_language else self.unknown_language.action
        strictest = max((*actions.values(), least), key=STRICTNESS.index)
        asking = [slug for slug, asked in actions.items() if asked == strictest != "allow"]
        return Decision(strictest, tuple(sorted(asking, key=lambda slug: _certainty(categories[slug]))))

    @property
    def spares_small_models(self) -> bool:
        """Whether somebody who plainly says that they want to hurt themselves is not left to a small model."""
        return self.decide({"self_harm": 0.5}, "input").action == "block"

    def holds_without_guard(self, categories: Mapping[str, float | None]) -> bool:
        """Whether a lesser guard's scores come near a category that fails closed."""
        near = (categories[slug] for slug in self.closed & categories.keys())
        return any(score is None or score >= CLOSED_AT for score in near)


def policy_from(rules: Any, *, version: str) -> Policy:
    """Read rules as the module's first lines show them. Raises PolicyError."""
    if not isinstance(rules, Mapping):
        raise PolicyError(gettext_noop("rules are an object"))
    unread = rules.keys() - {*DIRECTIONS, "closed", "unknown_language", "code"}
    if unread:
        raise PolicyError(gettext_noop("%(where)s: no such rule"), min(unread))
    closed = rules.get("closed", [])
    if not isinstance(closed, list) or any(slug not in CATEGORIES for slug in closed):
        raise PolicyError(gettext_noop("%(where)s: must be a list of categories"), "closed")
    try:
        unknown_language = UnknownLanguage(**rules.get("unknown_language", {}))
    except TypeError:
        raise PolicyError(gettext_noop("%(where)s: has a scale and an action"), "unknown_language") from None
    code = rules.get("code")
    if code is not None and code not in CODE_RULES:
        strange = gettext_noop("%(where)s: %(value)r is none of %(actions)s")
        raise PolicyError(strange, "code", value=code, actions=", ".join(CODE_RULES))
    thresholds = {direction: _direction(rules.get(direction), direction) for direction in DIRECTIONS}
    return Policy(
        version=version,
        thresholds=MappingProxyType(thresholds),
        closed=frozenset(closed),
        unknown_language=unknown_language,
        code=code,
    )


def _direction(rules: Any, direction: Direction) -> Mapping[str, Thresholds]:
    if not isinstance(rules, Mapping) or ANY not in rules:
        needed = gettext_noop('%(where)s: needs rules, with "*" for the categories that have none of their own')
        raise PolicyError(needed, direction)
    thresholds: dict[str, Thresholds] = {}
    for slug, rule in rules.items():
        if slug != ANY and slug not in CATEGORIES:
            raise PolicyError(gettext_noop("%(where)s: no such category"), f"{direction}.{slug}")
        try:
            thresholds[UNKNOWN if slug == ANY else slug] = Thresholds(**rule)
        except PolicyError as error:
            raise error.inside(f"{direction}.{slug}") from None
        except TypeError:
            numbers = gettext_noop("%(where)s: has log, inform, warn and block, each a number")
            raise PolicyError(numbers, f"{direction}.{slug}") from None
    return MappingProxyType(thresholds)


def _certainty(score: float | None) -> float:
    """A sort key: the most certain first."""
    return -(1.0 if score is None else score)


# A guard reports scores in which 0.5 is its own operating point (the embedded guard's heads are shifted so that it is;
# Llama Guard's P(unsafe) is read at 0.5 by its authors), so one policy serves every guard.
# Advice is ordinary traffic: say that a professional knows more, and answer. Who speaks of suicide is answered, with
# help lines beside it, unless the guard is sure that harm is asked for. Jailbreaks are withheld from the lowest
# score that no ordinary request of the calibrating half has (`make bench-guard`). A language that the guard does not
# know has the thresholds of every other: lower ones refuse ordinary sentences sooner than they find harm.
DEFAULT_RULES: Mapping[str, Any] = MappingProxyType(
    {
        "input": {
            ANY: {"block": 0.5},
            "specialized_advice": {"inform": 0.5},
            "self_harm": {"inform": 0.3, "block": 0.85},
            PROMPT_INJECTION: {"log": 0.5, "block": 0.94},
        },
        "output": {
            ANY: {"block": 0.5},
            "specialized_advice": {"inform": 0.5},
            PROMPT_INJECTION: {"log": 0.5},
        },
        # Not self-harm: a lesser guard still shows the help lines, and an error would show nothing.
        "closed": ["sex_crimes", "child_exploitation", "indiscriminate_weapons"],
        "unknown_language": {"scale": 1.0, "action": "inform"},
    }
)

# A small model rambles on after the help line, whatever was said: the line stands in place of its answer.
SMALL_MODEL_RULES: Mapping[str, Any] = MappingProxyType(
    {**DEFAULT_RULES, "input": {**DEFAULT_RULES["input"], "self_harm": {"inform": 0.3, "block": 0.5}}}
)

DEFAULT_POLICY = policy_from(DEFAULT_RULES, version="default-6")
SMALL_MODEL_POLICY = policy_from(SMALL_MODEL_RULES, version="default-6-small")


def is_small(num_parameters: int) -> bool:
    """Whether a model of this size is small. 0 stands for a size that nobody knows, and is not."""
    return 0 < num_parameters < SMALL_MODEL


def built_in_rules(num_parameters: int) -> Mapping[str, Any]:
    """The rules for a model of this size where an operator has put none into force."""
    return SMALL_MODEL_RULES if is_small(num_parameters) else DEFAULT_RULES


def built_in_policy(num_parameters: int) -> Policy:
    """The same, as a policy."""
    return SMALL_MODEL_POLICY if is_small(num_parameters) else DEFAULT_POLICY
