"""Conversations become the ids the checkpoint was trained on, put together without re-tokenising what it wrote."""

from pathlib import Path

import jinja2
import pytest

from inference.errors import InvalidRequest
from inference.text.chat import ChatMessage, build_prompt
from inference.text.choose import choose_chat_format
from inference.text.tokenizer import Tokenizer
from inference.weights.checkpoint import Checkpoint
from inference.weights.gguf_header import read_gguf_header

SYSTEM = ChatMessage(role="system", content="Answer briefly.")
QUESTION = ChatMessage(role="user", content="What is 12 + 30?\n\nThink first.")
ANSWER = ChatMessage(role="assistant", content="It is 42.")
CONVERSATIONS = [[QUESTION], [SYSTEM, QUESTION], [QUESTION, ANSWER, QUESTION], [SYSTEM, QUESTION, ANSWER, QUESTION]]


@pytest.mark.parametrize("messages", CONVERSATIONS, ids=["plain", "system", "turns", "system-turns"])
def test_chatml_says_what_the_checkpoints_own_template_says(
    smollm2: Checkpoint, smollm2_path: Path, messages: list[ChatMessage]
) -> None:
    """The template in the file is the authority, with its default system message."""
    template = read_gguf_header(smollm2_path).metadata["tokenizer.chat_template"]
    turns = [{"role": message.role, "content": message.content} for message in messages]
    expected = jinja2.Template(template).render(messages=turns, add_generation_prompt=True)
    prompt = build_prompt(smollm2.chat_format, messages)
    names = {token_id: name for name, token_id in smollm2.tokenizer.special.items()}
    assert "".join(names.get(i) or smollm2.tokenizer.decode([i]) for i in prompt.ids) == expected


def test_generated_ids_are_spliced_not_tokenised_again(smollm2: Checkpoint) -> None:
    """A model may write "Hello" as two tokens; re-encoding would make one of it and miss the cache."""
    odd_ids = tuple(token for char in "It is 42." for token in smollm2.tokenizer.encode(char))
    assert list(odd_ids) != smollm2.tokenizer.encode("It is 42.")
    spliced = ChatMessage(role="assistant", content="It is 42.", token_ids=odd_ids)
    ids = build_prompt(smollm2.chat_format, [QUESTION, spliced, QUESTION]).ids
    assert any(ids[at : at + len(odd_ids)] == odd_ids for at in range(len(ids)))


def test_a_continued_reply_has_no_seam(smollm2: Checkpoint) -> None:
    """No new header and no end token: the prompt is that of the question plus the ids so far."""
    fresh = build_prompt(smollm2.chat_format, [QUESTION])
    begun = ChatMessage(role="assistant", content="", token_ids=(1000, 2000))
    continued = build_prompt(smollm2.chat_format, [QUESTION, begun], continue_final=True)
    assert continued.ids == (*fresh.ids, 1000, 2000)
    assert continued.num_reply_ids == 2


def test_only_an_assistant_message_is_continued(smollm2: Checkpoint) -> None:
    with pytest.raises(ValueError, match="only an assistant message"):
        build_prompt(smollm2.chat_format, [QUESTION], continue_final=True)


def test_a_vocabulary_without_turn_markers_can_only_complete() -> None:
    """A format the model has never seen would be answered with nonsense: the conversation is refused instead."""
    tokenizer = Tokenizer(
        name="bytes", pattern=r"[\s\S]", ranks={bytes([b]): b for b in range(256)}, special={"<s>": 256}
    )
    chat_format = choose_chat_format(tokenizer, bos_ids=(256,))
    assert (chat_format.name, chat_format.bos_ids) == ("none", (256,))
    with pytest.raises(InvalidRequest, match="knows no chat format"):
        build_prompt(chat_format, [QUESTION])
