"""What stands beside an answer, or in place of it, when the guard has something to say. Neutral, short, safe HTML.

`translate` puts each text into the language of the person; without it they are in English.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Literal

from assistant.safety.help_lines import DIRECTORY_URL, help_line
from assistant.safety.taxonomy import plain_name
from assistant.safety.verdict import Verdict
from assistant.wording import Translate, gettext_noop

Direction = Literal["input", "output"]
Kind = Literal["help_lines", "advice", "warning", "reduced_checking", "unchecked", "language"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One box beside an answer."""

    kind: Kind
    html: str

    def to_wire(self) -> dict[str, str]:
        return asdict(self)


def notices_for(verdict: Verdict, *, country: str, translate: Translate = str) -> list[Notice]:
    """What to say beside an answer that is shown. Each kind once; nothing for a verdict that asks for nothing."""
    notices = []
    if verdict.action in ("inform", "warn"):
        if "self_harm" in verdict.violated:
            notices.append(Notice("help_lines", f"<p>{_help(country, translate)}</p>"))
        if "specialized_advice" in verdict.violated:
            notices.append(Notice("advice", f"<p>{translate(_ADVICE)}</p>"))
        if verdict.action == "warn":
            notices.append(Notice("warning", f"<p>{_warning(verdict, translate)}</p>"))
        if not verdict.knows_language:
            less = _LESS_IN_LANGUAGE if verdict.reads_others else _LANGUAGE
            notices.append(Notice("language", f"<p>{translate(less)}</p>"))
    if verdict.is_unchecked:
        notices.append(Notice("unchecked", f"<p>{translate(_UNCHECKED)}</p>"))
    elif verdict.is_degraded:
        notices.append(Notice("reduced_checking", f"<p>{translate(_REDUCED)}</p>"))
    return notices


def merged(shown: Sequence[Notice], new: Sequence[Notice]) -> list[Notice]:
    """Those shown, and of the new ones the kinds that are not there yet; a warning of something else is another one."""
    known = {_told(notice) for notice in shown}
    return [*shown, *(notice for notice in new if _told(notice) not in known)]


def _told(notice: Notice) -> str:
    return notice.html if notice.kind == "warning" else notice.kind


def refusal_html(direction: Direction, verdict: Verdict, *, country: str, translate: Translate = str) -> str:
    """What takes the place of a withheld answer. It names the rule and offers a way on."""
    if "self_harm" in verdict.violated:
        return f"<p>{translate(_GLAD)} {_help(country, translate)}</p>"
    names = _names(verdict, translate)
    parts = [_REFUSED_INPUT, _WAY_ON_INPUT] if direction == "input" else [_REFUSED_OUTPUT, _WAY_ON_OUTPUT]
    refused, way_on = (translate(part) for part in parts)
    about = [translate(_ABOUT) % {"kinds": names}] if names else []
    return f"<p>{' '.join([refused, *about, way_on])}</p>"


def withheld_later_html(category: str, *, country: str, translate: Translate = str) -> str:
    """What takes the place of an answer that was shown, and that the staff has taken away."""
    parts = [translate(_WITHHELD_LATER) % {"kind": escape(translate(plain_name(category)))}, translate(_WAY_ON_OUTPUT)]
    if category == "self_harm":
        parts.append(_help(country, translate))
    return f"<p>{' '.join(parts)}</p>"


def _help(country: str, translate: Translate) -> str:
    """Somebody to talk to."""
    directory = f'<a href="{DIRECTORY_URL}" rel="noopener noreferrer" target="_blank">findahelpline.com</a>'
    line = help_line(country)
    if line is None:
        return translate(_HELP_ANYWHERE) % {"directory": directory}
    number = f"<strong>{escape(line.number)}</strong>"
    return translate(_HELP_HERE) % {"name": escape(line.name), "number": number, "directory": directory}


def _warning(verdict: Verdict, translate: Translate) -> str:
    names = _names(verdict, translate)
    return translate(_TOUCHES) % {"kinds": names} if names else translate(_WITH_CARE)


def _names(verdict: Verdict, translate: Translate) -> str:
    return escape("; ".join(translate(plain_name(slug)) for slug in verdict.violated))


_GLAD = gettext_noop(
    "I am glad that you wrote this. I am a program and cannot be there for you as a person can, and you deserve that."
)
_HELP_ANYWHERE = gettext_noop(
    "If you are thinking of hurting yourself, please talk to somebody now: the emergency services, or a help line near "
    "you, listed at %(directory)s."
)
_HELP_HERE = gettext_noop(
    "If you are thinking of hurting yourself, please talk to somebody now. %(name)s listens, at %(number)s. Elsewhere: "
    "%(directory)s."
)
_REFUSED_INPUT = gettext_noop("I can’t help with this message.")
_REFUSED_OUTPUT = gettext_noop("This answer was withheld by the safety check.")
_WITHHELD_LATER = gettext_noop("Somebody of the staff has read this answer and withheld it: it is about %(kind)s.")
_ABOUT = gettext_noop("It looks like it is about %(kinds)s.")
_WAY_ON_INPUT = gettext_noop("If that is a misunderstanding, try saying it another way, or ask for a review.")
_WAY_ON_OUTPUT = gettext_noop("Ask in another way, ask something else, or ask for a review.")
_TOUCHES = gettext_noop("This touches on %(kinds)s. Please read it with care.")
_WITH_CARE = gettext_noop("Please read this with care.")
_ADVICE = gettext_noop(
    "This is general information. For a decision about your health, your rights or your money, ask somebody who knows "
    "your case."
)
_LANGUAGE = gettext_noop(
    "The safety check hardly reads this language: it misses most of what it would find in English, and may be wrong."
)
_LESS_IN_LANGUAGE = gettext_noop(
    "The safety check was not made for this language: it may miss what it would find in English, and may be wrong."
)
_REDUCED = gettext_noop("The usual safety check is away for the moment. A simpler one read this.")
_UNCHECKED = gettext_noop("The safety check is away for the moment. This was answered without it.")
