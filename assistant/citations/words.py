"""What a sentence says, as far as its words tell: words with a meaning, numbers, and how often it denies something.

Scripts that do not set words apart, or change their ends a lot (Korean), give pairs of neighbouring characters instead.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise, takewhile
from typing import Final

from assistant.citations.languages import NEGATION_SIGNS, NEGATIONS, NUMBER_WORDS, STOP_WORDS

_NUMBER: Final = re.compile(r"[a-z]*\d+(?:[.,'’٫٬\u00a0\u202f]\d+)*(?:[a-z]+\d*)*")
_WITH_UNIT: Final = re.compile(r"([^a-z]+)[a-z]+")
_GROUPED: Final = re.compile(r"\d{1,3}(?:[.,'’٬\u00a0\u202f]\d{3})+(?!\d)")
_DECIMAL: Final = re.compile(r"(\d+)[.,٫](\d+)")
_NOT: Final = re.compile(r"n['’]t$")
# Accents of Latin letters, vowel marks and the stretched line of Arabic ones; not the vowels of Indian scripts.
_ACCENTS: Final = re.compile("[\u0300-\u036f\u064b-\u065f\u0670\u0640]")
_ARTICLE: Final = re.compile("^[وف]?[بك]?(?:ال|لل)(?=..)")
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_HIRAGANA: Final = re.compile("^[\u3040-\u309f]+$")
_CHINESE_PARTICLES: Final = re.compile("[的了是在和也就都而及与與着之个個一这這那它]")
MAX_READ: Final = 2_000
"""Characters of one sentence that count."""
MIN_COMMON: Final = 4
MIN_SHARE: Final = 0.7
"""Of two forms of a word that much at the beginning is the same: "measure", "measured"."""


@dataclass(frozen=True, slots=True)
class Said:
    """`numbers` are the readings of each: "1.500" is 1500 in one language and 1.5 in another. What letters and digits
    name ("HPV16") is as exact as a number, and stands among them."""

    words: frozenset[str]
    numbers: frozenset[frozenset[str]]
    num_denials: int

    def __or__(self, other: "Said") -> "Said":
        return Said(self.words | other.words, self.numbers | other.numbers, self.num_denials + other.num_denials)

    @property
    def size(self) -> int:
        return len(self.words) + len(self.numbers)

    @property
    def readings(self) -> frozenset[str]:
        return frozenset().union(*self.numbers)


NOTHING: Final = Said(frozenset(), frozenset(), num_denials=0)


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))


_STOP: Final = frozenset(map(_plain, STOP_WORDS))
_DENYING: Final = frozenset(map(_plain, NEGATIONS))
_COUNTED: Final = {_plain(word): str(number) for word, number in NUMBER_WORDS.items()}


def said_in(text: str) -> Said:
    """What `text` says."""
    plain = _plain(text[:MAX_READ])
    numbers = {_readings(number[0]) for number in _NUMBER.finditer(plain)}
    tokens = list(_tokens(_NUMBER.sub(" ", plain)))
    numbers |= {frozenset({_COUNTED[token]}) for token in tokens if token in _COUNTED}
    num_denials = sum(1 for token in tokens if token in _DENYING or _NOT.search(token))
    num_denials += sum(plain.count(sign) for sign in NEGATION_SIGNS)
    words = {word for token in tokens if token not in _DENYING and token not in _COUNTED for word in _meaning(token)}
    return Said(frozenset(words), frozenset(numbers), num_denials)


def by_beginning(words: Iterable[str]) -> Mapping[str, set[str]]:
    """The words that begin alike."""
    found: dict[str, set[str]] = {}
    for word in words:
        found.setdefault(word[:MIN_COMMON], set()).add(word)
    return found


def alike(words: Iterable[str], others: Mapping[str, set[str]]) -> Mapping[str, frozenset[str]]:
    """For each of `words` those of `others` (by their beginning) that are it, perhaps in another form."""
    return {
        word: frozenset(other for other in others.get(word[:MIN_COMMON], ()) if _is_form(word, other)) for word in words
    }


def _is_form(word: str, other: str) -> bool:
    longest = max(len(word), len(other))
    num_common = sum(1 for _ in takewhile(lambda signs: signs[0] == signs[1], zip(word, other, strict=False)))
    return num_common == longest or num_common >= max(MIN_COMMON, MIN_SHARE * longest)


def _tokens(plain: str) -> Iterator[str]:
    """Runs of letters, with the marks that belong to them and an apostrophe within."""
    for is_word, run in groupby(plain, key=lambda sign: sign in "'’" or unicodedata.category(sign)[0] in "LM"):
        word = "".join(run).strip("'’") if is_word else ""
        if word:
            yield word


def _meaning(token: str) -> Iterator[str]:
    if _UNSPACED.search(token):
        yield from _pairs_of_signs(token)
        return
    token = _ARTICLE.sub("", token).removesuffix("'s").removesuffix("’s")
    if token in _STOP or (len(token) < 2 and token.isascii()) or _NOT.search(token):
        return
    yield token


def _pairs_of_signs(token: str) -> Iterator[str]:
    for run in _CHINESE_PARTICLES.split(token):
        if len(run) == 1:
            yield run
        # Two signs of the Japanese syllabary are grammar more often than not.
        yield from (a + b for a, b in pairwise(run) if not _HIRAGANA.match(a + b))


def _readings(number: str) -> frozenset[str]:
    if any("a" <= sign <= "z" for sign in number):
        with_unit = _WITH_UNIT.fullmatch(number)
        return frozenset({number}) | (_readings(with_unit[1]) if with_unit else frozenset())
    digits = "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in number)
    readings = set()
    if _GROUPED.fullmatch(digits):
        readings.add(re.sub(r"\D", "", digits).lstrip("0") or "0")
    if decimal := _DECIMAL.fullmatch(digits):
        readings.add(_value(decimal[1], decimal[2]))
    *whole, last = re.split(r"\D", digits)
    if len(whole) > 1 or (whole and not readings):
        readings.add(_value("".join(whole), last))
    return frozenset(readings or {digits.lstrip("0") or "0"})


def _value(whole: str, fraction: str) -> str:
    fraction = fraction.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")
