"""Telling a pretrained model from one that was taught to chat. Both have the same vocabulary, markers included."""

from collections.abc import Collection

from inference.text.chat import ChatFormat
from inference.text.choose import NoChat
from inference.text.tokenizer import Tokenizer
from inference.weights.checkpoint import WeightSource
from inference.weights.part import Part

MARKERS = {
    "llama3": ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    "chatml": ("<|im_start|>", "<|im_end|>"),
}
TURN_ENDS = {"llama3": ("<|eot_id|>", "<|eom_id|>"), "chatml": ("<|im_end|>",)}
NEVER_TRAINED = 1e-12
"""Rows of the embedding that training never touched are zero in Llama 3's files; trained ones are near 0.01."""


def chat_format_unless_pretrained(
    chat_format: ChatFormat,
    tokenizer: Tokenizer,
    weights: WeightSource,
    chat_template: str = "",
    declared_stops: Collection[int] = (),
) -> ChatFormat:
    """`chat_format`, or NoChat for a model whose files show that it never saw the markers of that format.

    They show it by the embedding of the markers, or by declaring where a text ends but not where a turn does, and
    having no chat template.
    """
    if chat_format.name not in MARKERS:
        return chat_format
    ends_turns = bool(tokenizer.special_ids(TURN_ENDS[chat_format.name]) & set(declared_stops))
    is_declared = bool(chat_template) or ends_turns or not declared_stops
    is_trained = not _are_untrained(tokenizer.special_ids(MARKERS[chat_format.name]), weights)
    return chat_format if is_declared and is_trained else NoChat(chat_format.bos_ids)


def _are_untrained(token_ids: Collection[int], weights: WeightSource) -> bool:
    num_rows = weights.shapes().get("embedding", (0,))[0]
    rows = [
        weights.tensor("embedding", part=Part(axis=0, start=token_id, stop=token_id + 1))
        for token_id in token_ids
        if token_id < num_rows
    ]
    return bool(rows) and all(float(row.float().abs().max()) < NEVER_TRAINED for row in rows)
