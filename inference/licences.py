"""What a model's licence asks us to say. Imports nothing, so that the client can use it too."""

import re

LLAMA3_LICENCE = "Llama 3 Community License"
LLAMA3_NOTICE = "Built with Meta Llama 3"
_LLAMA3 = re.compile(r"llama[-_ ]?(guard[-_ ]?)?3|llama3", re.IGNORECASE)
_SPELLED_OUT = {"apache-2.0": "Apache-2.0", "mit": "MIT"}


def licence_and_notice(name: str, stated: str = "") -> tuple[str, str]:
    """The licence of the model called `name`, spelled out, and a sentence it asks to show (or nothing).

    `stated` is what its files say. An unknown licence is said to be unknown rather than guessed.
    """
    if _LLAMA3.search(f"{name} {stated}"):
        return LLAMA3_LICENCE, LLAMA3_NOTICE
    known = _SPELLED_OUT.get(stated.lower(), stated)
    return known or ("Apache-2.0" if "smollm" in name.lower() else "unknown"), ""
