"""What a message asks to be remembered, in the person's own words.

Rules, and strict ones: a memory that nobody asked for is worse than one that is missing. A message counts where it asks
to be remembered, or says who its writer is in a form that is hardly used for anything else.
"""

import re
from typing import Final

from assistant.personal import as_line
from assistant.safety.injection import FLAGGED_AT, suspicion
from assistant.safety.personal_data import find

MAX_CHARS: Final = 300
_MIN_CHARS: Final = 4
_MAX_MESSAGE_CHARS: Final = 1000
_END: Final = r"(?=[.!]?\s*$|[.!]\s|\n)"

# Asked for: what follows is remembered as it is written.
_ASKED: Final = re.compile(
    r"(?:^|[.!?\n]\s*)(?:(?:and|also|hey|hi|ok|okay|bitte|por favor|من فضلك|رجاءً?)[,، ]+"
    r"|(?:can|could|will) you )*(?:please[, ]+)?"
    r"(?:"
    r"remember (?:that |this: ?|for (?:the future|later|next time)[,:]? (?:that )?)"
    r"|(?:don't|do not|never) forget (?:that )(?=i\b|i'|my\b|we\b|our\b)"
    r"|(?:keep in mind|make a note|note) that (?=i\b|i'|my\b|we\b|our\b)"
    r"|remember[:,] ?"
    r"|(?:merk dir|merke dir|denk(?:e)? daran)(?: bitte)?(?:,? dass |: ?)"
    r"|vergiss nicht(?:,? dass |: ?)(?=ich\b|mein|wir\b|unser)"
    r"|(?:recuerda|acuérdate de|ten en cuenta) que "
    r"|no (?:olvides|te olvides de) que "
    r"|(?:تذكّ?ري?|لا تنسَ?ي?) (?:أنّ? |: ?|(?=أنن?ي ))"
    r")(?P<fact>[^\n?]+?)" + _END,
    re.IGNORECASE,
)
# Said of oneself: the whole sentence is remembered.
_NAME: Final = r"[^\W\d_][\w\u064b-\u0652'’-]{1,30}(?: (?-i:[A-ZÀ-Þ])[\w'’-]{1,30}){0,2}"
_SAID: Final = re.compile(
    r"(?:^|[.!?\n]\s*)(?:(?:hi|hello|hey|hallo|hola|by the way|btw)[,!.]? +)?(?P<fact>"
    rf"my name is {_NAME}|(?:please )?call me {_NAME}"
    r"|(?:i am|i'm) (?:severely |very )?(?:allergic to|a vegetarian|vegetarian|(?:a )?vegan|lactose intolerant|"
    r"gluten intolerant|diabetic|colou?r-?blind)(?: [\w ,'’-]{2,80})?"
    r"|i live in (?!a\b|an\b|the (?:past|moment|present)\b|fear\b|hope\b|constant\b)[\w ,'’-]{2,60}"
    rf"|(?:ich heiße|ich heisse|mein name ist|nenn mich) {_NAME}"
    r"|ich bin (?:allergisch gegen|vegetarier(?:in)?|veganer(?:in)?|diabetiker(?:in)?)(?: [\w ,-]{2,80})?"
    r"|ich (?:wohne|lebe) in (?!einem\b|einer\b|angst\b|der (?:vergangenheit|gegenwart)\b)[\w ,-]{2,60}"
    rf"|(?:me llamo|mi nombre es|llámame) {_NAME}"
    r"|soy (?:alérgic[oa] a|vegetarian[oa]|vegan[oa]|diabétic[oa])(?: [\w ,-]{2,80})?"
    r"|vivo en (?!un\b|una\b|el (?:pasado|presente)\b)[\w ,-]{2,60}"
    rf"|(?:اسمي|نادِ?ني) {_NAME}"
    r"|أنا (?:نباتية?|مصابة? بالسكري)|(?:لدي|عندي) حساسية من [\w\u064b-\u0652 ،-]{2,80}"
    r"|(?:أعيش|أسكن) في (?!خوف\b|قلق\b|الماضي\b|الحاضر\b)[\w\u064b-\u0652 ،-]{2,60}"
    r")" + _END,
    re.IGNORECASE,
)
_THAT_I: Final = re.compile(r"^أنن?ي ")  # "that I"
_NO_NAMES: Final = re.compile(
    r"call me (?:when|if|back|later|tomorrow|today|tonight|at|on|in|a|an|the|crazy|old|maybe|now|again|asap|soon|"
    r"please|names?|not|and|or|anytime|whenever|after|before|as|by)\b",
    re.IGNORECASE,
)
_CONFIRMATIONS: Final = (
    (("merk", "denk", "vergiss"), "Das merke ich mir."),
    (("recuerda", "acuérdate", "ten en cuenta", "olvides"), "Lo recordaré."),
    (("تذك", "لا تنس"), "سأتذكر ذلك."),
)
_SECRET: Final = re.compile(
    r"\b(?:pass ?words?|passwort|contraseña|kennwort|pin|cvv|api[ -]?keys?|secret keys?|private keys?|geheimzahl"
    r"|كلمة (?:السر|المرور)|الرقم السري)\b",
    re.IGNORECASE,
)


def memory_in(message: str) -> str | None:
    """The text to remember, or None. Orders to the assistant, secrets and numbers of cards or accounts are left."""
    if len(message) > _MAX_MESSAGE_CHARS:
        return None
    text = message.replace("’", "'").strip()
    found = _ASKED.search(text) or _SAID.search(text)
    if found is None or _NO_NAMES.match(found["fact"]):
        return None
    fact = as_line(found["fact"]).strip(" ,;:.!")
    if text[: found.start("fact")].rstrip().lower().endswith("dass"):
        fact = _main_clause(fact)
    fact = _THAT_I.sub("أنا ", fact)
    if not _MIN_CHARS <= len(fact) <= MAX_CHARS:
        return None
    if _SECRET.search(fact) or suspicion(fact) >= FLAGGED_AT or _has_number(fact):
        return None
    return f"{fact[0].upper()}{fact[1:]}"


def confirmation(message: str) -> str:
    """What to say to a message that asks for something to be remembered and for nothing else; else ""."""
    text = message.replace("’", "'").strip()
    found = _ASKED.match(text)
    if found is None or text[found.end("fact") :].strip(" .!"):
        return ""
    asked = text[: found.start("fact")].lower()
    return next(
        (said for words, said in _CONFIRMATIONS if any(word in asked for word in words)), "I will remember that."
    )


def _main_clause(clause: str) -> str:
    """ "ich Vegetarier bin" is "ich bin Vegetarier" when it stands alone."""
    subject, *rest = clause.split()
    return " ".join((subject, rest[-1], *rest[:-1])) if len(rest) > 1 and "," not in clause else clause


def _has_number(text: str) -> bool:
    return any(finding.kind in ("card", "account") for finding in find(text))
