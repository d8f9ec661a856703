"""The ways a text can be read by a model although a guard, reading it letter by letter, sees something else.

    original ──▶ unhidden    NFKC, marks and invisible characters dropped, look-alike letters folded (`letterforms`)
             ├─▶ hidden      what was written in characters that no font draws
             ├─▶ joined      "k i l l" -> "kill", "b0mb" -> "bomb"
             ├─▶ spaced      "k i l l h i m" -> "kill him", where no gap says so
             └─▶ decoded     base64, hex, Morse and other codes, decoded in place (`encodings`)
                  └─▶ turned    the letters shifted along the alphabet (rot13), mirrored in it, backwards, upside down

A guard scores the original and every view that differs from it, and takes the worst: a view can only add suspicion.
Nothing but letters apart ("w h a t") is judged by its views alone: they hold every letter of it, and it has no words.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable

from assistant.safety.encodings import decoded
from assistant.safety.letterforms import hidden, pictures_as_signs, unhidden, upright
from assistant.safety.spacing import spaced

MAX_CHARS = 20_000
"""What lies beyond is not read into views: whoever takes messages has a limit below this."""

_WORD = re.compile(r"\w+")

_LEET = str.maketrans("013457@$!+|", "oieastasitl")


def views(text: str) -> tuple[str, ...]:
    """`text` itself, then each reading of it that says something else; at most seven in all.

    Letters apart throughout are read put together, and not as they stand.
    """
    original = text[:MAX_CHARS]
    plain = unhidden(original)
    readings = [original]
    signs = pictures_as_signs(plain)
    joined, apart = _unleeted(_unspaced(signs, str)), _unleeted(_unspaced(signs, _spaced_letters))
    opened = decoded(plain, MAX_CHARS)
    found = (plain, hidden(original), joined, apart, opened, _turned(opened))
    said = [_words(original)]
    for reading in found:
        words = _words(reading)
        if words and words not in said:
            readings.append(reading)
            said.append(words)
    return tuple(readings[1:]) if len(readings) > 1 and _is_letters_apart(original) else (text, *readings[1:])


def disguises(text: str) -> tuple[str, ...]:
    """The views that make more of a text than its letters without their accents: what somebody has hidden in it."""
    decomposed = unicodedata.normalize("NFKD", text[:MAX_CHARS])
    plain = "".join(char for char in decomposed if unicodedata.category(char) != "Mn")
    known = _words(unicodedata.normalize("NFKC", plain))
    return tuple(view for view in views(text) if view != text and _words(view) != known)


def _words(text: str) -> list[str]:
    """What a reading says, without case and punctuation: two views that agree in this are one."""
    return _WORD.findall(text.casefold())


# Four or more single letters with the same thing between them.
_SPACED = re.compile(r"(?<!\w)\w([ \t.\-_*|/,]{1,2})\w(?:\1\w){2,}(?!\w)")
_SPELLED = re.compile(r"\w(?:([.\-_*|/,~])\w)?(?:\1\w)*[.,;:?!]*")
_GAP_BETWEEN_WORDS = re.compile(r"\s{2,}|\s[|/]\s")
_SPACE = re.compile(r"[\W_]")
# A letter, digits or signs that stand for letters, a letter again: "b0mb", but not "py3" or "10am".
_LEET_INSIDE = re.compile(r"[a-zA-Z][013457@$!+|]+[a-zA-Z]", re.ASCII)
_LEET_WORD = re.compile(
    r"(?<![^\s\"'(-])(?=[013457@$!+|]*+[a-zA-Z])[a-zA-Z013457@$!+|]++(?=[\s\"').,;:?-]|$)(?!\.\w)", re.ASCII
)
_LONE_LEET = re.compile(r"(?<!\S)[013457@]{1,3}(?=[\s.,;:?!]|$)")
MAX_LEET_CHARS = 24
MEAN_WORD_CHARS = 8
"""Where the letters between two gaps are no more than this, the gaps stand between words."""


def _is_letters_apart(text: str) -> bool:
    """Scripts that write a word with one sign are left as they are."""
    tokens = text.split()
    return len(tokens) >= 4 and text.isascii() and all(len(token) == 1 for token in tokens)


def _unspaced(text: str, as_words: Callable[[str], str]) -> str:
    """What was spelled letter by letter, put together and read by `as_words`; all of it, if most of the text is."""
    tokens = text.split()
    spelled = sum(_SPELLED.fullmatch(token) is not None for token in tokens)
    if len(tokens) >= 4 and spelled >= 0.7 * len(tokens):
        words = _GAP_BETWEEN_WORDS.split(text) if sum(len(token) > 2 for token in tokens) < len(tokens) / 3 else tokens
        joined = [_SPACE.sub("", word) for word in words]
        told_by_gaps = len(joined) > 1 and sum(map(len, joined)) <= MEAN_WORD_CHARS * len(joined)
        return " ".join(joined if told_by_gaps else map(as_words, joined))
    return _SPACED.sub(lambda match: as_words(_SPACE.sub("", match.group())), text)


def _spaced_letters(letters: str) -> str:
    return spaced(_as_letters(letters) if _LEET_INSIDE.search(letters) else letters)


def _unleeted(text: str) -> str:
    """Digits and signs in words, read as letters; if there are many such words, in all words."""
    words = [word for word in _LEET_WORD.findall(text) if len(word) <= MAX_LEET_CHARS]
    inside = [word for word in words if _LEET_INSIDE.search(word)]
    known = set(inside if len(inside) < 2 else words)
    text = _LEET_WORD.sub(lambda word: _as_letters(word[0]) if word[0] in known else word[0], text)
    return _LONE_LEET.sub(lambda sign: _as_letters(sign[0]), text) if len(inside) >= 2 else text


def _as_letters(word: str) -> str:
    return word.replace("11", "ll").translate(_LEET)


def _turned(text: str) -> str:
    """The letters shifted, mirrored or set on their feet, or their order reversed, if that reads more like English;
    else `text`."""
    found = Counter(by for word in _words(text) for by in _READ_AS_COMMON.get(word, ()))
    on_its_feet = upright(text)
    found[_UPSIDE_DOWN] = sum(word in _COMMON_WORDS for word in _words(on_its_feet))
    best = max(_TURNS, key=found.__getitem__)
    if found[best] <= found[_AS_IT_STANDS] + 1:
        return text
    if best == _UPSIDE_DOWN:
        return on_its_feet
    return text[::-1] if best == _BACKWARDS else text.translate(_turn(best))


_COMMON_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        all am an and are as at be but by can could do for from get give good has have he her his how if in into is it
        list make me my need no not of on one or people she so some tell that the their them they this to use want was
        way we what where which who why will with without would write you your
        """,
    )
)

_ALPHABET = string.ascii_lowercase
_AS_IT_STANDS, _BACKWARDS, _MIRRORED, _UPSIDE_DOWN = 0, -1, -2, -3
_OF_WORDS = (_BACKWARDS, _MIRRORED, *range(1, len(_ALPHABET)))
"""Read backwards, with z for a and y for b, or with each letter so many places further along the alphabet."""
_TURNS = (*_OF_WORDS, _UPSIDE_DOWN)


def _turn(by: int) -> dict[int, int]:
    turned = _ALPHABET[::-1] if by == _MIRRORED else _ALPHABET[by:] + _ALPHABET[:by]
    return {**str.maketrans(_ALPHABET, turned), **str.maketrans(_ALPHABET.upper(), turned.upper())}


def _turned_away(word: str, by: int) -> str:
    """What `by` turns into the word."""
    if by == _BACKWARDS:
        return word[::-1]
    return word.translate(_turn(by if by == _MIRRORED else -by % len(_ALPHABET)))


def _read_as_common() -> dict[str, list[int]]:
    """For each word that a turn makes a common one, the turns that do: a text is then gone through once for all."""
    found: dict[str, list[int]] = {}
    for word in _COMMON_WORDS:
        for by in (_AS_IT_STANDS, *_OF_WORDS):
            found.setdefault(_turned_away(word, by), []).append(by)
    return found


_READ_AS_COMMON = _read_as_common()
