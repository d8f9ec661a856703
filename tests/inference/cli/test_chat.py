"""A conversation in the terminal: streamed, stoppable, and kept as the tokens it was made of."""

from collections.abc import Callable

import pytest
import torch

from inference.cli.chat import Conversation, converse, main
from inference.engine.request import SamplingParams
from tests.inference.checkpoints import SPECIAL, make_reciting_llama
from tests.inference.cli.conftest import Start

GREEDY = SamplingParams(temperature=0.0)


def reader(*lines: str) -> Callable[[str], str]:
    """`input` for someone who types these lines and then Ctrl-D."""
    given = iter(lines)

    def read_line(prompt: str) -> str:
        try:
            return next(given)
        except StopIteration:
            raise EOFError from None

    return read_line


def test_a_reply_is_streamed_and_its_tokens_are_kept(start: Start) -> None:
    """The next prompt begins with exactly what was computed, so that it is not computed again."""
    talk = Conversation(start(make_reciting_llama(after="\n", text="Hi you!")), GREEDY)
    assert "".join(talk.reply("Hello")) == "Hi you!"
    assert "".join(talk.reply("Hello again")) == "Hi you!"
    assert "prompt tokens were cached" in talk.last_turn
    assert [message.role for message in talk._messages] == ["user", "assistant", "user", "assistant"]
    assert bytes(talk._messages[1].token_ids) == b"Hi you!"


def test_a_stopped_reply_keeps_what_was_said(start: Start) -> None:
    """Ctrl-C ends a reply, not the conversation; the model is told what it had said."""
    model = start(make_reciting_llama(after="\n", text="abcdefghijklm"))
    talk = Conversation(model, GREEDY)
    reply = talk.reply("Hello")
    first = next(reply)
    reply.close()
    assert talk._messages[-1].content == first
    assert "".join(talk.reply("Go on")) == "abcdefghijklm"


def test_commands_begin_anew_and_ask_again(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    talk = Conversation(start(make_reciting_llama(after="\n", text="Hi you!")), GREEDY, system="Be brief.")
    lines = ["/again", "Hello", "/again", "/help", "/system Be long.", "Hello", "/new", ""]
    converse(talk, reader(*lines), figures=True)
    said = capsys.readouterr().out
    assert said.count("Hi you!") == 3
    assert said.count("tokens in") == 3
    assert "There is no message yet." in said
    assert "/quit" in said
    assert [message.content for message in talk._messages] == ["Be long."]


def test_a_message_that_does_not_fit_does_not_end_the_conversation(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = Conversation(start(make_reciting_llama(after="\n", text="Hi you!")), GREEDY)
    converse(talk, reader("x" * 600, "Hello", "/quit"))
    said = capsys.readouterr().out
    assert "may not have more than 512" in said
    assert said.rstrip().endswith("Hi you!")


def test_a_pretrained_model_continues_what_is_typed(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    """Without turns and without a memory of the line before."""
    tiny = make_reciting_llama(after="=", text="abc")
    with torch.no_grad():
        for name in ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"):
            tiny.model.model.embed_tokens.weight[SPECIAL[name]] = 0
    talk = Conversation(start(tiny), GREEDY, max_tokens=3)
    converse(talk, reader("x=", "y="))
    said = capsys.readouterr().out
    assert "A pretrained model" in said
    assert said.count("abc") == 2
    assert not talk._messages


def test_what_moves_the_cursor_is_not_printed(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    """A reply is text, whatever bytes the model writes."""
    talk = Conversation(start(make_reciting_llama(after="\n", text="a\x1b[2Jb\x07c")), GREEDY)
    converse(talk, reader("Hello"))
    assert "a[2Jbc" in capsys.readouterr().out


def test_an_absent_model_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/absent/model.gguf", "--prompt", "Hello"]) == 3
    assert "no such file or folder" in capsys.readouterr().err
