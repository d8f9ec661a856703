"""How much of a reply may be shown while it is still being written.

Text is generated, cut into units for the guard, and released only up to the last unit with a passing verdict:

    0         released          checked             cut            generated
    |  shown     |  may be shown   |  at the guard    |  still short    |

All of these are piece borders, so the text and the token ids left of each belong together and can be stored together.
Nothing right of `checked` is ever handed out to be shown, but to somebody who asks for `release_all` and takes it back.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.ports import GeneratedPiece

UNIT_WORDS = (8, 16, 40)
"""Words in the first, the second and every later unit: the first words appear early, and later checks are few."""

SENTENCE_WORDS = (4, 8, 25)
"""A sentence with fewer waits for the next one, in the first, the second and every later unit: "1." and "Hi!" are not
worth a check of their own, and each check reads what comes before it once more."""

CODE_LINES = 8
MAX_UNIT_CHARS = 600
LEFT_CONTEXT_WORDS = 30

_EAST_ASIAN = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_EAST_ASIAN}]|[^\s{_EAST_ASIAN}]+")
_WORD_MAY_END = re.compile(rf"[\s{_EAST_ASIAN}。！？]$")
_SENTENCE_END = re.compile(r"(?:[.!?…:][\"'”’)\]*_]*\s*|[。！？]|\n\s*)$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


@dataclass(frozen=True, slots=True)
class Offset:
    """A piece border: so many characters and token ids lie before it."""

    num_chars: int
    num_tokens: int


@dataclass(frozen=True, slots=True)
class CheckUnit:
    """A stretch of a reply for the guard. `left_context` is what comes before it, up to `LEFT_CONTEXT_WORDS`."""

    number: int
    text: str
    left_context: str
    end: Offset

    @property
    def text_in_context(self) -> str:
        """What the guard is to read: a harmful sentence may have begun before the unit."""
        return self.left_context + self.text


class ReleaseWindow:
    """Holds back what the guard has not passed yet. One for each attempt at a reply; used by one task.

    Every piece goes through `add`; each unit it returns goes to the guard, and back through `passed` if it may be
    shown; `release` then hands out what may be shown. A unit that does not pass is never recorded, and all from its
    beginning on stays here for good.
    """

    def __init__(self, *, already_released: str = "") -> None:
        """`already_released` is what an earlier attempt at the same reply has shown; offsets count from its end."""
        self._already_released = already_released
        self._pieces: list[GeneratedPiece] = []
        self._borders = [Offset(0, 0)]
        self._cuts = [0]  # indices into _borders; unit n lies between cuts n and n + 1
        self._passed: set[int] = set()
        self._num_passed = 0
        self._num_released = 0
        self._fences = _FenceReader()

    @property
    def generated(self) -> Offset:
        return self._borders[-1]

    @property
    def checked(self) -> Offset:
        """Every unit before this has passed."""
        return self._borders[self._cuts[self._num_passed]]

    @property
    def released(self) -> Offset:
        return self._borders[self._num_released]

    @property
    def text(self) -> str:
        """The whole reply so far, checked or not: for a last check of all of it, never to be shown."""
        return self._already_released + self._text(0)

    def add(self, piece: GeneratedPiece) -> CheckUnit | None:
        """Take the next piece. Returns the unit that ends before it, if one does.

        Only the piece after a border tells whether the border lies within a word, so a unit is cut one piece late.
        """
        unit = self._cut() if self._is_due(next_text=piece.text) else None
        end = self.generated
        self._pieces.append(piece)
        self._borders.append(Offset(end.num_chars + len(piece.text), end.num_tokens + len(piece.token_ids)))
        self._fences.read(piece.text)
        return unit

    def finish(self) -> CheckUnit | None:
        """The last unit, once no piece will follow. None if everything has been handed out to be checked before."""
        return self._cut() if self._cuts[-1] < len(self._pieces) else None

    def passed(self, unit: CheckUnit) -> None:
        """Record a passing verdict. Verdicts may come in any order; each counts once all before it have passed.

        Raises ValueError for a unit that this window did not cut.
        """
        if unit.number >= len(self._cuts) - 1 or self._borders[self._cuts[unit.number + 1]] != unit.end:
            raise ValueError(f"unit {unit.number} is not of this reply")
        self._passed.add(unit.number)
        while self._num_passed in self._passed:
            self._num_passed += 1

    def release(self, *, before: int | None = None) -> GeneratedPiece | None:
        """What may be shown now and was not handed out before, with its token ids. None if there is nothing.

        `before` is a character of the whole reply that is not to be handed out.
        """
        return self._hand_out(self._cuts[self._num_passed], before)

    def release_all(self, *, before: int | None = None) -> GeneratedPiece | None:
        """Everything that was not handed out before, with or without a verdict."""
        return self._hand_out(len(self._pieces), before)

    def _hand_out(self, end: int, before: int | None) -> GeneratedPiece | None:
        if before is not None:
            limit = before - len(self._already_released)
            at_limit = bisect_right(self._borders, limit, key=lambda border: border.num_chars) - 1
            end = min(end, max(at_limit, self._num_released))
        pieces = self._pieces[self._num_released : end]
        if not pieces:
            return None
        self._num_released += len(pieces)
        # Ids of a part of the text would pass for those of all of it.
        has_ids = all(piece.token_ids or not piece.text for piece in pieces)
        return GeneratedPiece(
            text="".join(piece.text for piece in pieces),
            token_ids=tuple(token_id for piece in pieces for token_id in piece.token_ids) if has_ids else (),
        )

    def _is_due(self, *, next_text: str) -> bool:
        text = self._text(self._cuts[-1])
        if not text:
            return False
        if len(text) >= MAX_UNIT_CHARS or self._fences.just_changed:
            return True
        if self._fences.inside:
            return text.endswith("\n") and text.count("\n") >= CODE_LINES
        if not (next_text[:1].isspace() or _WORD_MAY_END.search(text)):
            return False
        num_words = len(_WORD.findall(text))
        size = min(len(self._cuts), len(UNIT_WORDS)) - 1
        is_sentence = num_words >= SENTENCE_WORDS[size] and _SENTENCE_END.search(text) is not None
        return is_sentence or num_words >= UNIT_WORDS[size]

    def _cut(self) -> CheckUnit:
        start = self._cuts[-1]
        self._cuts.append(len(self._pieces))
        return CheckUnit(
            number=len(self._cuts) - 2,
            text=self._text(start),
            left_context=_last_words(self._already_released + _joined(self._pieces[:start])),
            end=self.generated,
        )

    def _text(self, start: int) -> str:
        return _joined(self._pieces[start:])


class _FenceReader:
    """Follows the lines of a Markdown text and knows whether they are inside a code fence."""

    def __init__(self) -> None:
        self.just_changed = False
        """Whether the last complete line opened or closed a fence, and nothing stands after it yet."""
        self._fence = ""
        self._line = ""

    @property
    def inside(self) -> bool:
        return self._fence != ""

    def read(self, text: str) -> None:
        *complete, rest = (self._line + text).split("\n")
        if text:
            self.just_changed = False
        for line in complete:
            self.just_changed = self._changes(line)
        self.just_changed = self.just_changed and not rest
        self._line = rest

    def _changes(self, line: str) -> bool:
        match = _FENCE.match(line)
        if not match:
            return False
        if not self._fence:
            self._fence = match[1]
            return True
        if match[1].startswith(self._fence) and not line[match.end() :].strip():
            self._fence = ""
            return True
        return False


def _joined(pieces: Sequence[GeneratedPiece]) -> str:
    return "".join(piece.text for piece in pieces)


def _last_words(text: str) -> str:
    """The end of `text` from the 30th last word on, as it stands."""
    starts = [match.start() for match in re.finditer(r"\S+", text[-LEFT_CONTEXT_WORDS * 40 :])]
    offset = max(0, len(text) - LEFT_CONTEXT_WORDS * 40)
    return text[offset + starts[-LEFT_CONTEXT_WORDS] :] if len(starts) > LEFT_CONTEXT_WORDS else text[offset:]
