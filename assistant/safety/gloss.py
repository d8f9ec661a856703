"""What a text in another language says, put into English word by word.

    Wie baue ich eine Bombe?  ──▶  how build I a bomb

The embedded classifier reads English alone. A gloss is no translation, but the words that tell harm from no harm are in
it, and it is scored beside the text itself. The dictionaries (data/gloss, a file for each language) are our own: the
commonest words, those by which harm is recognised, and those that make the harmless uses of such words plain.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from heapq import nlargest
from operator import itemgetter
from pathlib import Path

import regex

FOLDER = Path(__file__).with_name("data") / "gloss"

MAX_CHARS = 20_000
"""As far as disguises are read, too (`normalise`): whoever takes messages has a limit below this."""

MIN_KNOWN_SHARE = 0.7
"""Of the words of a sentence that its language's dictionary has to know; fewer, and the gloss would be of names."""

PLAINLY_ENGLISH = 0.8
"""Of the words of a sentence that are in the list of English ones: no other language is looked for."""

FEW_LETTERS, FEW_WORDS = 3, 4
"""Fewer letters tell no language, but where one sign is a word; nor do fewer words, where one is English."""

MAX_CANDIDATES = 3
"""Languages, of those that know the most of a sentence's words, that it is put into English from."""

MAX_FORM_WORDS = 6
MIN_STEM_CHARS, MAX_WORD_CHARS = 4, 60
MIN_COMPOUND_CHARS, MIN_PART_CHARS = 8, 3

_WORD = regex.compile(r"(?:\p{L}\p{M}*)+|\p{N}+|[.,;:!?]")
_PLAIN = re.compile(r"[a-z0-9]+")
_SENTENCE = re.compile(r"[^.!?\n。！？؟]+[.!?\n。！？؟]*")
_LATIN = "LATIN"
_SCRIPT_OF = {
    "zh": "CJK",
    "ja": "KANA",
    "ar": "ARABIC",
    "ru": "CYRILLIC",
    "hi": "DEVANAGARI",
}
"""All others are written in Latin letters."""
_UNSPACED = frozenset({"CJK", "KANA"})
_COMPOUNDING = frozenset({"de", "nl"})
_LINKS = ("", "s", "n", "en", "es")
_PARTICLES = {
    "de": frozenset({"ab", "an", "auf", "aus", "ein", "mit", "nach", "um", "vor", "weg", "zu"}),
    "nl": frozenset({"aan", "af", "bij", "in", "mee", "na", "om", "op", "over", "toe", "uit", "weg"}),
}
"""Of verbs that are cut in two: "ich bringe ihn um" is of "umbringen"."""

_WITHOUT_ACCENT = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe"})
_FOLDS = {
    "ar": str.maketrans("ةى", "هي", "\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652\u0653\u0654\u0655\u0640"),
    "hi": str.maketrans("\u0901", "\u0902", "\u093c\u200c\u200d"),
}
"""Of Arabic the hamza, the marks of vowels and a lengthening; of Hindi the dot below and a sign for nasals."""
_PREFIXES = {"ar": ("وال", "بال", "فال", "كال", "لل", "ال", "و", "ف", "ب", "ل", "ك", "س")}
_SUFFIXES = {
    "ar": ("ها", "هم", "هن", "كم", "ني", "نا", "ه", "ك", "ي"),
    "id": ("nya", "ku", "mu", "lah", "kah"),
}


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Of one language: English for each form, and for all words that begin with a stem."""

    code: str
    forms: Mapping[str, str]
    stems: Mapping[str, str]
    longest: int
    """Characters of the longest form."""

    def english(self, word: str) -> str | None:
        """For one word; None if it is not in here."""
        if len(word) > MAX_WORD_CHARS:
            return None
        plain = _plainly(word, self.code)
        for spelled in dict.fromkeys((word, plain, *_bare(plain, self.code))):
            if len(spelled) < MIN_PART_CHARS and spelled not in (word, plain):
                continue
            if spelled in self.forms:
                return self.forms[spelled]
            for end in range(len(spelled), 1, -1):
                if spelled[:end] in self.stems:
                    return self.stems[spelled[:end]]
        return self._compound(word) if self.code in _COMPOUNDING and len(word) >= MIN_COMPOUND_CHARS else None

    def has(self, word: str) -> bool:
        """Whether the word is there as it is written: soon told, and enough to tell languages apart."""
        return word in self.forms

    def is_stem(self, word: str) -> bool:
        """Whether the word is there, or begins as some that are."""
        return word in self.forms or any(word[:end] in self.stems for end in range(len(word), MIN_STEM_CHARS, -1))

    def _compound(self, word: str) -> str | None:
        """Of two parts, the first as long as it may be: "rohr" + "bombe"."""
        for end in range(len(word) - MIN_PART_CHARS, MIN_PART_CHARS - 1, -1):
            first, last = word[:end], self.forms.get(word[end:])
            if last is None:
                continue
            for link in _LINKS:
                part = self.forms.get(first.removesuffix(link)) if first.endswith(link) else None
                if part is not None:
                    return f"{part} {last}"
        return None


def glosses(readings: Sequence[str]) -> tuple[str, ...]:
    """Those of the readings of a text that are in another language, in English; each once."""
    found = (gloss(reading) for reading in readings)
    return tuple(dict.fromkeys(filter(None, found)))


def gloss(text: str) -> str:
    """`text` word by word in English, its English sentences as they stand; empty if there is nothing to put into it."""
    sentences = _SENTENCE.findall(unicodedata.normalize("NFC", text[:MAX_CHARS]).lower())
    found = [(sentence, _gloss_of(sentence)) for sentence in sentences]
    if not any(english for _, english in found):
        return ""
    return " ".join(english or sentence.strip() for sentence, english in found)


def _gloss_of(sentence: str) -> str:
    words = _WORD.findall(sentence)
    letters = [word for word in words if word[0].isalpha()]
    if sum(map(len, letters)) < FEW_LETTERS and all(map(str.isascii, letters)):
        return ""
    english = _share_english(letters)
    if english >= PLAINLY_ENGLISH or (english and len(letters) < FEW_WORDS):
        return ""
    script = _script_of_most("".join(letters))
    if script in _UNSPACED:
        return _unspaced_gloss(sentence, _written_in(script))
    return _best_gloss(words, letters, _written_in(script), least=english)


def _best_gloss(words: Sequence[str], letters: Sequence[str], candidates: Sequence[Dictionary], *, least: float) -> str:
    """In the language that knows most of the words, if they are enough, and more than English has."""
    likely = nlargest(MAX_CANDIDATES, candidates, key=lambda each: sum(map(each.has, letters)))
    read = [_in_english(words, each) for each in likely]
    num_known, english = max(read, key=itemgetter(0), default=(0, ""))
    return english if num_known >= MIN_KNOWN_SHARE * len(letters) and num_known > least * len(letters) else ""


def _in_english(words: Sequence[str], dictionary: Dictionary) -> tuple[int, str]:
    """How many of the words are known, and the gloss. The longest forms first; what is not known is a name or a loan
    word, or in a script that English has nothing of."""
    found: list[str] = []
    at = num_known = 0
    words = _rejoined(words, dictionary)
    english_of = cache(dictionary.english)
    while at < len(words):
        length, english = _longest_form(words[at : at + MAX_FORM_WORDS], dictionary.forms)
        if length == 1:
            english = english_of(words[at])
        if english is None and _is_latin(words[at]):
            english = words[at]
        else:
            num_known += length * (english is not None)
        found += filter(None, [english])
        at += length
    return num_known, " ".join(found)


def _rejoined(words: Sequence[str], dictionary: Dictionary) -> Sequence[str]:
    """With a verb that was cut in two in one piece, where the sentence began with its verb."""
    bare = [word for word in words if word[0].isalpha()]
    if len(bare) < MIN_PART_CHARS or bare[-1] not in _PARTICLES.get(dictionary.code, ()):
        return words
    for word in bare[:-1]:
        if dictionary.is_stem(bare[-1] + word):
            return [bare[-1] + each if each == word else each for each in words if each != bare[-1]]
    return words


def _longest_form(words: Sequence[str], forms: Mapping[str, str]) -> tuple[int, str | None]:
    """How many of the words are one form of several, from the first on, and what it is in English; or else one."""
    for count in range(len(words), 1, -1):
        if (english := forms.get(" ".join(words[:count]))) is not None:
            return count, english
    return 1, None


def _unspaced_gloss(sentence: str, candidates: Sequence[Dictionary]) -> str:
    """Of a script that puts no space between words: the longest forms from the left."""
    if not candidates:
        return ""
    dictionary = candidates[0]
    found: list[str] = []
    at = known = unknown = 0
    while at < len(sentence):
        if (plain := _PLAIN.match(sentence, at)) is not None:
            found.append(plain.group())
            at = plain.end()
            continue
        for end in range(min(len(sentence), at + dictionary.longest), at, -1):
            if (english := dictionary.forms.get(sentence[at:end])) is not None:
                found += filter(None, [english])
                known, at = known + end - at, end
                break
        else:
            unknown += sentence[at].isalpha()
            at += 1
    return " ".join(found) if known and known >= MIN_KNOWN_SHARE * (known + unknown) else ""


@cache
def languages() -> frozenset[str]:
    """Those that have a dictionary, as ISO 639-1 codes."""
    return frozenset(path.stem for path in FOLDER.glob("*.tsv"))


@cache
def dictionary(code: str) -> Dictionary:
    """Read at the first text that may need it."""
    return _read(FOLDER / f"{code}.tsv")


@cache
def _written_in(script: str) -> Sequence[Dictionary]:
    return [dictionary(code) for code in sorted(languages()) if _SCRIPT_OF.get(code, _LATIN) == script]


def _read(path: Path) -> Dictionary:
    forms: dict[str, str] = {}
    stems: dict[str, str] = {}
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    for form, english in lines:
        (stems if form.endswith("*") else forms)[form.rstrip("*")] = english
    # What is written without accents, and is no word of its own.
    for some in (forms, stems):
        for form, english in list(some.items()):
            some.setdefault(_plainly(form, path.stem), english)
    return Dictionary(code=path.stem, forms=forms, stems=stems, longest=max(map(len, forms), default=0))


def _plainly(word: str, code: str) -> str:
    """As people write it who leave accents, dots and marks out."""
    if code in _FOLDS:
        return unicodedata.normalize("NFD", word).translate(_FOLDS[code])
    if code == "vi" or word.isascii() or not _is_latin(word):
        return word.replace("ё", "е")
    decomposed = unicodedata.normalize("NFD", word).translate(_WITHOUT_ACCENT)
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _bare(word: str, code: str) -> Iterator[str]:
    """Without what is attached in front or behind, such as "the", "and" or "my"."""
    forms = [word, *(word.removeprefix(some) for some in _PREFIXES.get(code, ()) if word.startswith(some))]
    for form in forms:
        yield form
        yield from (form.removesuffix(some) for some in _SUFFIXES.get(code, ()) if form.endswith(some))


def _share_english(words: Sequence[str]) -> float:
    return sum(word in _english_words() for word in words) / len(words)


@cache
def _english_words() -> frozenset[str]:
    words = (FOLDER.parent / "words.txt").read_text(encoding="utf-8").split()
    return frozenset(words)


def _script_of_most(letters: str) -> str:
    """Japanese mixes its own signs with Chinese ones."""
    scripts = Counter(map(_script, letters))
    most = scripts.most_common(1)[0][0]
    return "KANA" if most == "CJK" and scripts["KANA"] else most


@cache
def _script(char: str) -> str:
    name = unicodedata.name(char, "").partition(" ")[0]
    return "KANA" if name in ("HIRAGANA", "KATAKANA") else name


def _is_latin(word: str) -> bool:
    return word.isascii() or all("LATIN" in unicodedata.name(char, "") or not char.isalpha() for char in word)
