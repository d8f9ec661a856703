"""The marks by which chat templates say who speaks. Our engine takes those in a text for text; a model that is served
elsewhere may take them for its own, and what stands behind one for a word of the system."""

import re
from typing import Final

_MARK: Final = re.compile(
    # <|user|> of Llama 3, ChatML, Phi and GLM, <｜User｜> of DeepSeek
    r"<(?=[|｜][^\s|｜<>]{1,40}[|｜]>)"
    # <start_of_turn> of Gemma, <s> and <<SYS>> of Llama 2
    r"|<(?=/?(?:s|bos|eos|pad|unk|start_of_turn|end_of_turn|tool_call|tool_response)>|/?<?SYS>>|</SYS>>)"
    # [INST] of Llama 2, [SYSTEM_PROMPT] of Mistral
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT)\])",
    re.IGNORECASE,
)


def unmarked(text: str) -> str:
    """`text` with a blank in each such mark: it reads as before, and no tokenizer knows it."""
    return _MARK.sub(lambda begun: f"{begun.group()} ", text)
