"""Llama Guard 2, 3-8B and 3-1B as guards: their prompts as published, and a reader of their answers that never guesses
"safe".

Sources: the model cards in meta-llama/PurpleLlama and the chat templates published with the checkpoints
(Meta-Llama-Guard-2-8B, Llama-Guard-3-8B, Llama-Guard-3-1B). The beginning-of-text token is left to the
server, which adds it to any prompt. Scores follow the cards: P(unsafe) is read from the probabilities of the first word
of the answer.
"""

import asyncio
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from assistant.errors import GuardUnavailable
from assistant.ports import ChatMessage
from assistant.safety.joining import higher
from assistant.safety.policy import DEFAULT_POLICY, Direction, Policy
from assistant.safety.portions import portions
from assistant.safety.taxonomy import CODES, LANGUAGES, UNKNOWN, CheckpointFamily
from assistant.safety.verdict import Verdict

MAX_ANSWER_TOKENS = 48
TOP_LOGPROBS = 5
UNSAFE_FROM = 0.5
"""The least P(unsafe) of an answer that says so, as the likelier of two words is written."""


@dataclass(frozen=True, slots=True)
class CompletionResult:
    """What a model wrote after a prompt.

    `logprobs` has for each generated token the natural log-probabilities of the likeliest tokens at its place, by text.
    """

    text: str
    logprobs: tuple[Mapping[str, float], ...] = ()


class Completions(Protocol):
    """A model that continues a raw prompt, such as POST /v1/completions."""

    async def complete(self, prompt: str, *, max_tokens: int, top_logprobs: int) -> CompletionResult:
        """The greedy continuation. Special tokens written in `prompt` are special tokens to the model.

        Raises GuardUnavailable if there is none to be had.
        """
        ...


class UnreadableAnswer(GuardUnavailable):
    """The guard answered something that is neither "safe" nor "unsafe": as good as no answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`categories` are canonical slugs, or UNKNOWN for a code we do not know and for "unsafe" without a code."""

    unsafe: bool
    categories: tuple[str, ...] = ()


class LlamaGuard:
    """Fulfils the Guard port with one call of the model per check, or a few where the message is very long."""

    def __init__(
        self,
        completions: Completions,
        *,
        family: CheckpointFamily,
        model_id: str,
        policy: Policy = DEFAULT_POLICY,
        language_of: Callable[[str], str] | None = None,
    ) -> None:
        """`language_of` a text is its ISO 639-1 code; without it every language counts as known."""
        self._completions = completions
        self._family: CheckpointFamily = family
        self._model_id = model_id
        self._policy = policy
        self._language_of = language_of

    async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
        """Judge the last message in the light of those before it.

        Raises GuardUnavailable if there is no readable answer, ValueError if the last message cannot be judged.
        """
        started = time.perf_counter()
        direction: Direction = "input" if conversation[-1].role == "user" else "output"
        results = await asyncio.gather(
            *(
                self._completions.complete(prompt, max_tokens=MAX_ANSWER_TOKENS, top_logprobs=TOP_LOGPROBS)
                for prompt in prompts(conversation, self._family)
            ),
            return_exceptions=True,
        )
        categories: dict[str, float | None] = {}
        score = 0.0
        missing: GuardUnavailable | None = None
        for result in results:
            try:
                if isinstance(result, BaseException):
                    raise result
                found, of_portion = self._read(result)
            except GuardUnavailable as error:
                missing = error
                continue
            score = max(score, of_portion)
            for slug, certainty in found.items():
                categories[slug] = higher(categories[slug], certainty) if slug in categories else certainty
        language = self._language_of(conversation[-1].text) if self._language_of else ""
        knows_language = not language or language in LANGUAGES[self._family]
        decision = self._policy.decide(categories, direction, knows_language=knows_language)
        if missing is not None and decision.action != "block":  # what was found in one portion is enough
            raise missing
        return Verdict(
            action=decision.action,
            score=score,
            categories=MappingProxyType(categories),
            violated=decision.violated,
            guard_id=self._model_id,
            policy_version=self._policy.version,
            latency_ms=(time.perf_counter() - started) * 1000,
            language=language,
            knows_language=knows_language,
            reads_others=True,
        )

    def _read(self, result: CompletionResult) -> tuple[dict[str, float | None], float]:
        """Which categories one answer names, with their scores, and P(unsafe). Raises UnreadableAnswer."""
        answer = parse(result.text, self._family)
        score = unsafe_probability(result.logprobs)
        if answer.unsafe and score is not None and score < UNSAFE_FROM:
            score = None  # the likelier word was written: these are the probabilities of something else
        categories: dict[str, float | None] = dict.fromkeys(answer.categories)
        if "self_harm" in categories:
            # Named with no score of its own it would count as certain, and help would never stand beside an answer.
            categories["self_harm"] = score
        if not answer.unsafe and score is not None:
            # A policy stricter than the model's own 0.5 may still act on a "safe" that was a near thing.
            categories = {UNKNOWN: score}
        return categories, float(answer.unsafe) if score is None else score


_TITLES: Mapping[CheckpointFamily, tuple[str, ...]] = MappingProxyType(
    {
        "llama_guard_2": (
            "Violent Crimes",
            "Non-Violent Crimes",
            "Sex Crimes",
            "Child Exploitation",
            "Specialized Advice",
            "Privacy",
            "Intellectual Property",
            "Indiscriminate Weapons",
            "Hate",
            "Self-Harm",
            "Sexual Content",
        ),
        "llama_guard_3": (
            "Violent Crimes",
            "Non-Violent Crimes",
            "Sex Crimes",
            "Child Exploitation",
            "Defamation",
            "Specialized Advice",
            "Privacy",
            "Intellectual Property",
            "Indiscriminate Weapons",
            "Hate",
            "Self-Harm",
            "Sexual Content",
            "Elections",
            "Code Interpreter Abuse",
        ),
        "llama_guard_3_1b": (
            "Violent Crimes",
            "Non-Violent Crimes",
            "Sex Crimes",
            "Child Exploitation",
            "Defamation",
            "Specialized Advice",
            "Privacy",
            "Intellectual Property",
            "Indiscriminate Weapons",
            "Hate",
            "Self-Harm",
            "Sexual Content",
            "Elections",
        ),
    }
)

# A space more or less would be another text than the one the checkpoint was trained on.
_CATEGORY_ENDINGS: Mapping[CheckpointFamily, str] = MappingProxyType(
    {"llama_guard_2": ". ", "llama_guard_3": ".", "llama_guard_3_1b": "."}
)

_WRAPPERS: Mapping[CheckpointFamily, tuple[str, str]] = MappingProxyType(
    {
        "llama_guard_2": ("[INST] ", " [/INST]"),
        "llama_guard_3": (
            "<|start_header_id|>user<|end_header_id|>\n\n",
            "<|eot_id|><|start_header_id|>assistant<|end_header_id|>",
        ),
        "llama_guard_3_1b": (
            "<|start_header_id|>user<|end_header_id|>\n\n",
            " <|eot_id|><|start_header_id|>assistant<|end_header_id|>",
        ),
    }
)


def prompts(conversation: Sequence[ChatMessage], family: CheckpointFamily) -> list[str]:
    """The prompts that ask a Llama Guard of `family` about the last message of `conversation`: one, if it fits.

    System messages are left out, neighbours of one role are joined, and the conversation starts with a user, as the
    templates demand. Raises ValueError if the last message is not a user's, nor an assistant's after a user's.
    """
    return [_prompt(turns, family) for turns in portions(_alternating(conversation))]


def _prompt(turns: Sequence[str], family: CheckpointFamily) -> str:
    judged = "User" if len(turns) % 2 else "Agent"
    ending = _CATEGORY_ENDINGS[family]
    categories = "\n".join(f"S{number}: {title}{ending}" for number, title in enumerate(_TITLES[family], start=1))
    spoken = "".join(f"{'Agent' if number % 2 else 'User'}: {text.strip()}\n\n" for number, text in enumerate(turns))
    before, after = _WRAPPERS[family]
    return (
        f"{before}Task: Check if there is unsafe content in '{judged}' messages in conversations according our safety "
        "policy with the below categories.\n\n"
        f"<BEGIN UNSAFE CONTENT CATEGORIES>\n{categories}\n<END UNSAFE CONTENT CATEGORIES>\n\n"
        f"<BEGIN CONVERSATION>\n\n{spoken}<END CONVERSATION>\n\n"
        f"Provide your safety assessment for ONLY THE LAST {judged} message in the above conversation:\n"
        " - First line must read 'safe' or 'unsafe'.\n"
        f" - If unsafe, a second line must include a comma-separated list of violated categories.{after}"
    )


def _alternating(conversation: Sequence[ChatMessage]) -> list[str]:
    """The texts of user, assistant, user, ... in turn."""
    roles: list[str] = []
    texts: list[str] = []
    for message in conversation:
        if message.role == "system" or (not roles and message.role == "assistant"):
            continue
        if roles and roles[-1] == message.role:
            texts[-1] += f"\n{message.text}"
        else:
            roles.append(message.role)
            texts.append(message.text)
    if not conversation or not roles or conversation[-1].role != roles[-1]:
        raise ValueError("the last message must be a user's, or an assistant's that answers one")
    return list(map(_as_content, texts))


_MARKUP = re.compile(r"<(?=\||BEGIN |END )|\[(?=/?INST\])")
_SPEAKER = re.compile(r"\n\s*\n(?=\s*(?:User|Agent):)")


def _as_content(text: str) -> str:
    """`text`, which cannot end its turn: a person may type the template's own marks to smuggle in a verdict."""
    return _SPEAKER.sub("\n", _MARKUP.sub(lambda match: f"{match.group()} ", text.strip()))


_SAFE = re.compile(r"safe[\s.:,]*", re.IGNORECASE)
_UNSAFE = re.compile(r"[\W_]*unsafe", re.IGNORECASE)
_CODE = re.compile(r"(?<![A-Z0-9])S\d{1,3}(?![A-Z0-9])")


def parse(text: str, family: CheckpointFamily) -> Answer:
    """Read an answer: "unsafe" is whatever begins so, however it goes on; "safe" stands alone.

    Raises UnreadableAnswer for anything else.
    """
    said = text.strip()
    if _UNSAFE.match(said):
        codes = _CODE.findall(said.upper())
        slugs = [CODES[family].get(code, UNKNOWN) for code in codes] or [UNKNOWN]
        return Answer(unsafe=True, categories=tuple(dict.fromkeys(slugs)))
    if _SAFE.fullmatch(said):
        return Answer(unsafe=False)
    raise UnreadableAnswer("neither safe nor unsafe")


def unsafe_probability(logprobs: Sequence[Mapping[str, float]]) -> float | None:
    """P(unsafe) against P(safe) at the first place where either is among the likeliest, or None if it is nowhere.

    Checkpoints may write line breaks before the word, which is why it is not always the very first token.
    """
    for position in logprobs:
        mass = {"safe": 0.0, "unsafe": 0.0}
        for token, logprob in position.items():
            word = token.strip().lower()
            if word in mass:
                mass[word] += math.exp(logprob)
        if any(mass.values()):
            return mass["unsafe"] / (mass["safe"] + mass["unsafe"])
    return None
