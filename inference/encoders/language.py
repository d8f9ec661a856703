"""Which language a text is in, as far as the guard has to know: whether it is English, which is all it learned.

By script, then by the little words every sentence has; no model, so that it costs nothing and needs no package.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable

UNKNOWN = "und"
"""The code for "undetermined": not English, and we cannot say what it is."""

FOREIGN_SCRIPT_SHARE = 0.3
MIN_KNOWN_SHARE = 0.55
FEW_WORDS = 3

_SCRIPTS = {
    "CYRILLIC": "ru",
    "GREEK": "el",
    "ARABIC": "ar",
    "HEBREW": "he",
    "DEVANAGARI": "hi",
    "BENGALI": "bn",
    "TAMIL": "ta",
    "THAI": "th",
    "HANGUL": "ko",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "CJK": "zh",
    "GEORGIAN": "ka",
    "ARMENIAN": "hy",
}

_LITTLE_WORDS = {
    "en": "the of and to in is you that it he was for on are with as his they be at one have this from by had not but "
    "what all were when we there can an your which their said if do will each about how up out them then she many some "
    "so these would other into has her two like him see could no make than been its who now my did get may me i a or "
    "don't i'm write give tell please explain why where does should help",
    "de": "der die und das den von zu mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat "
    "dass sie nach wird bei einer um am sind noch wie einem über einen so zum kann wenn ich du wir ihr mein dein mich "
    "mir was warum oder aber kein keine bitte jemand ohne wurde haben",
    "es": "de la que el en y los del se las por un para con no una su al lo como más pero sus le ya o este sí porque "
    "esta entre cuando muy sin sobre también me hasta hay donde quien desde todo nos yo mi tu cómo qué puedo es está "
    "hacer alguien quiero",
    "fr": "de la le et les des en un du une que est pour qui dans par plus pas au sur ne se ce il sont avec son sa ses "
    "je tu nous vous mon ma mes comment pourquoi quel quelle où ou mais elle être cette puis c'est quelqu'un faire "
    "sans peux veux aux d'un l'on",
    "it": "di che e la il un a per è in una sono mi non si lo con ho come le da ma ti se i del della nel al dei delle "
    "gli alla questo questa quando perché cosa posso io tu fare senza qualcuno più anche essere",
    "pt": "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu "
    "sua ou ser quando muito há nos já está eu também só pelo pela até isso ela você meu minha fazer alguém posso",
    "nl": "de het een en van ik te dat die in je is niet op met voor er maar zijn ze om hij heeft hebben ook aan wat "
    "als bij nog naar dan hoe kan mijn wij jij geen worden door waarom iemand zonder deze",
    "sv": "och i att det som en på är av för med till den har de inte om ett jag var men så kan vi hur vad du min "
    "från eller utan någon ska",
    "pl": "w i na się nie z do jest że o jak co to po ale od za jego dla czy przez mnie mi ty ja są tak już być może "
    "mogę kogoś bez",
    "tr": "bir ve bu da de için ile ne mi çok daha gibi ama nasıl ben sen var yok olarak olan değil kadar bana beni "
    "birini",
    "id": "yang dan di ini itu dengan untuk tidak dari dalam akan pada saya anda ke bisa ada adalah cara bagaimana "
    "apa oleh atau seseorang tanpa",
    "vi": "và của là có không được một cho các trong người với tôi để này những đã như khi làm thế nào cách bạn từ "
    "sẽ ra mà cần",
    "ro": "și de la în un o pe cu nu care este să din pentru mai sunt ce fi cum eu lui ale sau fără cineva",
    "cs": "a se v na je že s z do o to jak by pro jsem ale co si tak jako jsou který nebo bez někoho mohu",
}
_LANGUAGES_OF: dict[str, list[str]] = {}
for _code, _words in _LITTLE_WORDS.items():
    for _word in set(_words.split()):
        _LANGUAGES_OF.setdefault(_word, []).append(_code)

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def language_of(text: str, is_english_word: Callable[[str], bool]) -> str:
    """An ISO 639-1 code. A text too short to tell, or without words such as code and numbers, counts as English.

    `is_english_word` says whether a lower-case word is in a large English word list.
    """
    words = [word.replace("’", "'") for word in _WORD.findall(text.lower()[:2000])]
    if script := _foreign_script("".join(words)):
        return script
    # Single letters are names of variables as often as words. Each word counts once: a recipe is full of "plus".
    hits = Counter(code for word in set(words) if len(word) > 1 for code in _LANGUAGES_OF.get(word, ()))
    english = hits.pop("en", 0)
    best, num_best = max(hits.items(), key=lambda item: item[1], default=("", 0))
    known = sum(word.isascii() and is_english_word(word.partition("'")[0]) for word in words)
    if num_best > english and (num_best >= 2 or known < MIN_KNOWN_SHARE * len(words)):
        return best
    if len(words) < FEW_WORDS or known >= MIN_KNOWN_SHARE * len(words):
        return "en"
    return UNKNOWN


def _foreign_script(letters: str) -> str:
    """The language that the script of many letters stands for; empty if the script is Latin."""
    foreign = Counter(name for char in letters if not char.isascii() and (name := _script(char)))
    if sum(foreign.values()) <= FOREIGN_SCRIPT_SHARE * len(letters):
        return ""
    # Japanese mixes its own letters with Chinese ones.
    return "ja" if foreign["ja"] else foreign.most_common(1)[0][0]


def _script(char: str) -> str:
    return _SCRIPTS.get(unicodedata.name(char, "").partition(" ")[0], "")
