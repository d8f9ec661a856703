"""People who say that they want to hurt themselves: in plain words, so that plain rules find it, whatever came before.

A classifier of harmful requests sees little harm in a sad sentence, and less in the midst of a talk about something
else. Missing one is worse than showing a help line to somebody who exaggerates, so exaggerations count too.
"""

import re

_FIRST_PERSON = (
    r"\b(?:want|wanna|wish|going|gonna|need|plan(?:ning)?|trying|tempted|about|ready|thinking (?:about|of))\b"
    r"(?: \w+){0,2} (?:die|be dead|kill(?:ing)? myself|hurt(?:ing)? myself|harm(?:ing)? myself|cut(?:ting)? myself"
    r"|end(?:ing)? (?:my life|it all)|tak(?:e|ing) my (?:own )?life)\b",
    r"\b(?:do not|don't|dont) want to (?:live|be alive|exist|wake up)\b",
    r"\b(?:i|i've|i have|i had) (?:\w+ )?(?:cut|hurt|harm(?:ed)?|burn(?:ed)?) myself\b",
    r"\b(?:i am|i'm|im|i feel|feeling|been) (?:\w+ )?suicidal\b",
    r"\b(?:no|any) (?:reason|point) (?:to|in) (?:live|living|go on|going on)\b",
    r"\b(?:better off|world (?:is|would be) better) (?:dead|without me)\b",
    r"\bnobody would (?:miss|notice|care)\b.{0,30}\b(?:gone|dead|died|not here)\b",
    r"\bmich (?:selbst )?(?:umbringen|töten|verletzen|ritzen)\b|\bnicht mehr leben\b|\bmir das leben nehmen\b",
    r"\bquiero morir(?:me)?\b|\b(?:matarme|hacerme daño|suicidarme)\b|\bno quiero (?:seguir )?vivi(?:r|endo)\b",
    r"\b(?:me (?:suicider|tuer|faire du mal)|envie de mourir|veux mourir)\b|\bplus envie de vivre\b",
)
_SAID = re.compile("|".join(_FIRST_PERSON), re.IGNORECASE)
MAX_CHARS = 4000


def speaks_of_self_harm(text: str) -> bool:
    """Whether somebody says that they want to hurt or kill themselves, or did."""
    return _SAID.search(text[:MAX_CHARS].replace("’", "'")) is not None
