"""Earlier turns of a chat that has become long, in a few sentences.

    system · turn 1 ····· turn k · turn k + 1 ····· turn n        nearly full
    system · [summary of 1 ··· k] turn k + 1 ····· turn n         half of it is free again

Between two summaries the prompt only grows at its end, so the engine finds what stands before that computed. A summary
is made of the one before it and of the turns since. What is summarised is data: each message is one line. So is what a
model makes of it, which may be no summary at all: then there is none.
"""

import re
from collections.abc import Sequence
from typing import Final

from assistant.personal import as_line, cut, words_of
from assistant.ports import ChatMessage
from assistant.prompt import estimate_tokens
from assistant.safety.injection import FLAGGED_AT, suspicion
from assistant.window import Filled

FULL_AT: Final = 0.85
_COMPACT_TO: Final = 0.5
_MAX_SUMMARY_TOKENS: Final = 400
_WINDOW_SHARE: Final = 6
_MIN_BYTES: Final = 40
_MIN_WORDS: Final = 5
_MIN_KNOWN_SHARE: Final = 0.5
_MAX_REPEATED_SHARE: Final = 0.6
_SHINGLE: Final = 5
_BYTES_PER_TOKEN: Final = 3
_LINE_OVERHEAD_TOKENS: Final = 8

_ORDER: Final = (
    "Summarise this conversation in a few sentences, in its own language: what the person wants, facts they gave, what "
    "was answered."
)
_BEFORE: Final = "What was said before, in short: "
_ASKED, _ANSWERED = "Person: ", "Assistant: "
_PREAMBLE: Final = re.compile(
    r"^(?:(?:sure|certainly|of course)\W+)?(?:here(?:'s| is)\b[^.:\n]{0,80}:|\W*summary\W*:)\W*", re.IGNORECASE
)
_SENTENCE_END: Final = re.compile(r"(?<=[.!?…؟])[\"'”»)]?\s+|(?<=[。！？])|\n+")
_COMPLETE: Final = re.compile(r"[.!?…؟。！？][\"'”»)]*$")
_TRANSCRIPT: Final = re.compile(r"^\W*(?:person|assistant|user)\W*:", re.IGNORECASE)
_QUOTED: Final = re.compile(r"[\"“«„][^\"”»“]*[\"”»“]")
_ANSWER: Final = re.compile(r"^\W*i(?: will| can| apologi[sz]e)\b|\bi(?:['’]m| am|['’]ll)\b", re.IGNORECASE)


def is_nearly_full(filled: Filled, answer_tokens: int) -> bool:
    """Whether the next prompt of this conversation will hardly have room for all of it."""
    return filled.total + answer_tokens >= FULL_AT * filled.room


def tokens_to_keep(filled: Filled) -> int:
    """How much may be left of the turns, so that a compacted conversation takes half of the room."""
    return max(0, int(_COMPACT_TO * filled.room) - filled.instructions - max_summary_tokens(filled.room))


def max_summary_tokens(room: int) -> int:
    """How long a summary may be where there is so much `room` for a prompt."""
    return min(_MAX_SUMMARY_TOKENS, room // _WINDOW_SHARE)


def num_to_cover(turns: Sequence[int], *, keep: int) -> int:
    """How many of the oldest turns, given by their tokens, have to go so that the others take `keep` at most.

    The newest always stays: it is what the next question is about.
    """
    rest = sum(turns)
    for num, tokens in enumerate(turns[:-1]):
        if rest <= keep:
            return num
        rest -= tokens
    return max(0, len(turns) - 1)


def summary_request(
    before: str, turns: Sequence[tuple[str, str]], *, room: int
) -> tuple[tuple[ChatMessage, ...], Sequence[tuple[str, str]]]:
    """What a model is asked, and which of the oldest of these turns (question, answer) it gets to read.

    `before` is the summary of what came before them, or "". As many as fit into `room` tokens; of one that is longer
    than that by itself, the beginnings.
    """
    head = [f"{_BEFORE}{as_line(before)}"] if before else []
    room -= sum(map(_line_tokens, (*head, _ORDER)))
    longest = max(1, room // 2 - _LINE_OVERHEAD_TOKENS) * _BYTES_PER_TOKEN
    lines: list[str] = []
    num_read = 0
    for question, answer in turns:
        pair = [cut(f"{_ASKED}{as_line(question)}", longest), cut(f"{_ANSWERED}{as_line(answer)}", longest)]
        room -= sum(map(_line_tokens, pair))
        if num_read and room < 0:
            break
        lines += pair
        num_read += 1
    return (ChatMessage(role="user", text="\n\n".join((*head, *lines, _ORDER))),), turns[:num_read]


def read_summary(said: str, covered: str) -> str:
    """The summary in a model's answer, or "" if it is of no use as one for the text `covered`.

    Small models run in circles and make things up: it ends where it begins to repeat itself or to write the
    conversation down again, and its words have to be those of the conversation for the greater part. Where the model
    goes on with the conversation instead, or what it writes talks to the model, there is none.
    """
    sentences: list[str] = []
    for sentence in _SENTENCE_END.split(_PREAMBLE.sub("", said.strip())):
        sentence = as_line(sentence)
        if not sentence:
            continue
        if _ANSWER.search(_QUOTED.sub("", sentence)):
            return ""
        if _TRANSCRIPT.match(sentence) or _repeats(sentence, " ".join(sentences)):
            break
        sentences.append(sentence)
    while sentences and not _COMPLETE.search(sentences[-1]):
        sentences.pop()
    summary = " ".join(sentences)
    if len(summary.encode()) < _MIN_BYTES or estimate_tokens(summary) >= estimate_tokens(covered):
        return ""
    return summary if _is_about(summary, covered) and suspicion(summary) < FLAGGED_AT else ""


def _line_tokens(line: str) -> int:
    return estimate_tokens(line) + _LINE_OVERHEAD_TOKENS


def _repeats(sentence: str, said: str) -> bool:
    """Whether most of it was said before, or over and over in it."""
    shingles = _shingles(sentence)
    num_new = len(set(shingles) - set(_shingles(said)))
    return num_new < (1 - _MAX_REPEATED_SHARE) * len(shingles)


def _shingles(text: str) -> list[str]:
    text = text.casefold()
    return [text[start : start + _SHINGLE] for start in range(len(text) - _SHINGLE + 1)]


def _is_about(summary: str, covered: str) -> bool:
    """Languages that write no spaces between words have too few of them to tell."""
    words = words_of(summary)
    return len(words) < _MIN_WORDS or len(words & words_of(covered)) >= _MIN_KNOWN_SHARE * len(words)
