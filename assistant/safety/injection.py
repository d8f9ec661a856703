"""Does a text that is to be quoted talk to the model? Documents inform; one that gives orders is not quoted.

Rules, each with a weight: how sure it makes us that this was written for a machine. What several rules say adds up. A
plain request ("Explain how rainbows form") is in no rule: help pages are full of them, and quoting one does little.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Final

from assistant.safety.letterforms import visible
from assistant.safety.normalise import views

FLAGGED_AT: Final = 0.75
"""From this suspicion on a passage is not quoted."""


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    weight: float
    pattern: re.Pattern[str]


def _rule(name: str, weight: float, *patterns: str) -> _Rule:
    return _Rule(name, weight, re.compile("|".join(patterns), re.IGNORECASE | re.MULTILINE))


_LINE = r"^[^\w\n]{0,8}"
_YOURS = r"your (?:\w+ ){0,2}(?:response|answer|reply|output|message)s?\b"
_YOUR_CODE = r"(?:your|the) (?:\w+ ){0,2}(?:response|answer|reply|output|implementation|solution|algorithm|code\w*)\b"
_CODE = r"(?:following|below|subsequent|provided|given|attached)(?: \w+)? code\b"

_RULES: Final = (
    _rule(
        "override",
        0.9,
        r"\b(?:ignore|disregard|forget|override|bypass|discard)\b.{0,30}\b(?:previous|prior|above|earlier|preceding|all|"
        r"your|any|system|original)\b.{0,20}\b(?:instructions?|prompts?|rules|directions|guidelines|commands|orders)\b",
        r"\b(?:ignorier\w*|vergiss|vergesse?n?|missachte\w*)\b.{0,40}\b(?:anweisung|instruktion|vorgabe|regel|befehl)",
        r"\b(?:ignor[ea]\w*|oublie[zr]?)\b.{0,40}\b(?:instructions|consignes|directives|règles)",
        r"\b(?:ignor[ae]\w*|olvida\w*|omite|descarta)\b.{0,40}\b(?:instrucciones|indicaciones|órdenes|reglas)",
        r"\b(?:ignora\w*|dimentica\w*|trascura)\b.{0,40}\b(?:istruzioni|indicazioni|regole)",
        r"\b(?:ignore|esqueça|esquece|desconsidere)\b.{0,40}\b(?:instruções|orientações|regras)",
        r"\b(?:negeer|vergeet)\b.{0,40}\b(?:instructies|opdrachten|regels)",
        r"\b(?:zignoruj|ignoruj|zapomnij)\b.{0,40}\b(?:instrukcj|polece|zasad)",
        r"(?:игнорируй\w*|проигнорируй\w*|забудь\w*).{0,40}(?:инструкци|указани|правил)",
        r"(?:talimat|kural)\w*.{0,20}(?:yoksay|unut|görmezden)",
        r"(?:忽略|无视|無視|忘记).{0,12}(?:指令|指示|说明|规则|提示)",
        r"(?:指示|命令|ルール|プロンプト).{0,10}(?:無視|忘れ)",
        r"(?:지시|명령|규칙).{0,10}(?:무시|잊)",
        r"(?:تجاهل|انس).{0,20}(?:التعليمات|الأوامر|القواعد)",
    ),
    _rule(
        "role marker",
        0.85,
        r"<\|?/?(?:start_header_id|end_header_id|eot_id|im_start|im_end|system|begin_of_text|endoftext)\|?>",
        r"\[/?INST\]|<</?SYS>>|\[(?:system|developer) ?(?:message|prompt|note)?\]",
        r"\b(?:begin|end|start|new) (?:of )?(?:system|developer) (?:prompt|message|instructions?)\b",
    ),
    _rule("role at the head of a line", 0.5, rf"{_LINE}(?:system|developer)(?: message| prompt| note| override)?\W?:"),
    _rule(
        "persona",
        0.5,
        r"\byou are now (?:a|an|the|in|called|named|acting|free|no longer|dan|unrestricted|unfiltered)\b",
        r"\bfrom now on,? (?:you|act|answer|respond|reply)\b",
        r"\b(?:pretend|act|behave|respond|answer) (?:to be|as if|as though|as) (?:you|an? (?:ai|unrestricted))\b",
        r"\b(?:du bist (?:jetzt|ab sofort)|tu es (?:maintenant|désormais)|ahora eres|a partir de ahora|adesso sei)\b",
    ),
    _rule(
        "speaks to the assistant",
        0.6,
        r"\b(?:note|notice|message|instructions?|attention|important|dear|hey|hello)\b.{0,15}\b(?:ai|artificial "
        r"intelligence|assistant|chatbot|(?:large )?language model|llms?|copilot|chatgpt|gpt|llama|claude|cria)\b"
        r"(?: model| system| assistant)?s? ?[:,!]",
        r"\b(?:if you are|as) an? (?:ai|(?:large )?language model|llm|assistant|chatbot)\b.{0,40}\b(?:must|should)",
        r"\b(?:ai|llm|assistant|chatbot|language model)s? (?:reading|processing|summari[sz]ing) this\b",
    ),
    _rule(
        "orders an answer",
        0.8,
        r"\b(?:in|into|to|within|throughout|with|at the (?:start|end|beginning) of) your (?:\w+ ){0,2}"
        r"(?:response|answer|output)s?\b",
        rf"{_LINE}(?!please )(?:\w+ ){{0,4}}(?:encode|encrypt|encipher|translate|render|reverse|convert|express|"
        rf"deliver|modify|alter|augment|enhance|enrich|adjust|rewrite|write|shift|obfuscate|apply|remove|mix|jumble|scramble|add|"
        rf"include|integrate|insert|incorporate|append|embed|introduce|combine|rearrange|replace)\b.{{0,80}}\b{_YOURS}",
        rf"{_LINE}(?:please )?(?:reply|respond|answer) (?:only |back )?(?:in|with|using|by) ",
        r"\byour (?:new|real|actual|next|only) (?:task|instructions?|goal|objective|job|role) (?:is|are)\b",
    ),
    _rule("names a reply", 0.5, r"\b(?:in|into|to|within) your (?:\w+ ){0,2}(?:reply|message)\b"),
    _rule(
        "orders code",
        0.8,
        rf"\b(?:add|append|include?|including|incorporat\w+|embed\w*|insert\w*|integrat\w+|employ\w*|utili[sz]\w+|use|"
        rf"feature|featur\w+|introduc\w+|blend\w*|ensure|validat\w+|apply\w*|place|let|put|having|addition|inclusion)\b"
        rf"[^.\n]{{0,40}}\b{_CODE}",
        rf"\b{_CODE}[^.\n:]{{0,60}}\b{_YOUR_CODE}",
    ),
    _rule(
        "takes data away",
        0.8,
        r"\b(?:send|post|forward|upload|e-?mail|transmit|exfiltrate|leak|submit)\b.{0,60}\b(?:conversation|"
        r"chat history|system prompt|passwords?|api keys?|credentials|personal (?:data|information)|"
        r"user'?s? (?:data|information|name|messages?))\b.{0,60}\b(?:to|at|via)\b",
        r"!\[[^\]]*\]\(\s*https?://[^)\s]*[?=/][^)\s]*(?:\{|\[|<|%7B|\$)",
        r"\b(?:append|attach|add|include|encode)\b.{0,60}\b(?:to|in|into|as) (?:the|a|this) (?:url|link|query|image)\b",
    ),
    _rule(
        "calls tools",
        0.5,
        r"\b(?:call|use|invoke|execute|run|trigger)\b.{0,20}\b(?:tool|function|plugin|browser|api|shell|terminal)\b"
        r".{0,40}\b(?:to|with|and)\b",
    ),
    _rule(
        "asks for secrets",
        0.85,
        r"\b(?:reveal|print|show|repeat|output|disclose|tell|display|recite)\b.{0,30}\b(?:system prompt|(?:your|the) "
        r"(?:hidden|initial|secret|original|system|full) (?:instructions|prompt|message))\b",
    ),
    _rule(
        "wants to stay hidden",
        0.7,
        r"\b(?:do not|don't|never|without)\b.{0,20}\b(?:tell(?:ing)?|mention(?:ing)?|inform(?:ing)?|alert(?:ing)?|"
        r"notify(?:ing)?|reveal(?:ing)?)\b.{0,30}\b(?:users?|humans?|anyone|person|reader)\b",
    ),
)
_HIDDEN_WEIGHT: Final = 0.8
_HIDDEN_SHARE: Final = 0.05
_MIN_HIDDEN: Final = 8


def suspicion(text: str) -> float:
    """How sure the rules are that `text` gives orders to a model, from 0 to 1, in whatever way it is written."""
    readings = _readings(text)
    found = [rule.weight for rule in _RULES if any(rule.pattern.search(reading) for reading in readings)]
    if _hides_much(text):
        found.append(_HIDDEN_WEIGHT)
    return 1 - prod(1 - weight for weight in found)


_ORDERS: Final = frozenset({"override", "role marker", "asks for secrets"})
"""Rules that hold for messages too: a person gives orders by right, but not to forget the rules."""


def orders(text: str) -> float:
    """How sure the rules are that a message of a person would talk the model out of its instructions, from 0 to 1."""
    readings = _readings(text)
    found = [
        rule.weight
        for rule in _RULES
        if rule.name in _ORDERS and any(rule.pattern.search(reading) for reading in readings)
    ]
    return 1 - prod(1 - weight for weight in found)


def _readings(text: str) -> Iterable[str]:
    """Lines count as they stand and as one: files break them anywhere, and what is quoted is one line to the model."""
    return dict.fromkeys(form for reading in views(text) for form in (reading, " ".join(reading.split())))


def together(rules: float, classifier: float) -> float:
    """What the rules and a classifier say together: either alone can be sure enough, and half-sure ones add up."""
    return 1 - (1 - rules) * (1 - classifier)


def _hides_much(text: str) -> bool:
    """More than a soft hyphen here and there. Line ends of other systems hide nothing."""
    even = text.replace("\r", "")
    num_hidden = len(even) - len(visible(even))
    return num_hidden >= _MIN_HIDDEN and num_hidden >= _HIDDEN_SHARE * len(even)
