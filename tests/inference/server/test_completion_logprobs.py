"""Log probabilities in OpenAI's older form: offsets into the text that a client has before it."""

from pathlib import Path

from inference.engine.request import PositionLogprobs, TokenLogprob
from inference.server.completion_logprobs import CompletionLogprobs, LogprobLists
from inference.text.tokenizer import Tokenizer
from inference.weights.open import open_checkpoint
from tests.inference.checkpoints import SPECIAL

BOS, EOT = SPECIAL["<|begin_of_text|>"], SPECIAL["<|eot_id|>"]


def tokenizer_of(paths: dict[str, Path]) -> Tokenizer:
    """Its tokens are bytes."""
    return open_checkpoint(str(paths["hf"])).tokenizer


def positions_of(*token_ids: int) -> list[PositionLogprobs]:
    return [
        PositionLogprobs(
            chosen=TokenLogprob(token_id=token_id, logprob=-1.5), top=(TokenLogprob(token_id=97, logprob=-0.5),)
        )
        for token_id in token_ids
    ]


def test_a_prompt_and_its_reply_are_one_text(tiny_paths: dict[str, Path]) -> None:
    """Nothing is known about the first token, and a stop token stands at the end without being seen."""
    logprobs = CompletionLogprobs(tokenizer_of(tiny_paths))
    prompt = logprobs.of_prompt("ab", b"ab", positions_of(*b"b"))
    assert prompt + logprobs.of_reply(positions_of(*b"cd", EOT)) == LogprobLists(
        tokens=["a", "b", "c", "d", "<|eot_id|>"],
        token_logprobs=[None, -1.5, -1.5, -1.5, -1.5],
        top_logprobs=[None, {"a": -0.5}, {"a": -0.5}, {"a": -0.5}, {"a": -0.5}],
        text_offset=[0, 1, 2, 3, 4],
    )


def test_a_mark_that_the_text_does_not_show_has_no_width(tiny_paths: dict[str, Path]) -> None:
    """It was put before the client's text; where the client wrote it, or sent it as an id, it is seen."""
    tokenizer = tokenizer_of(tiny_paths)
    hidden = CompletionLogprobs(tokenizer).of_prompt("ab", (BOS, *b"ab"), positions_of(*b"ab"))
    seen = CompletionLogprobs(tokenizer).of_prompt("<|begin_of_text|>ab", (BOS, *b"ab"), positions_of(*b"ab"))
    width = len("<|begin_of_text|>")
    assert hidden.text_offset == [0, 0, 1]
    assert seen.text_offset == [0, width, width + 1]


def test_offsets_count_characters_and_not_bytes(tiny_paths: dict[str, Path]) -> None:
    """The bytes of a character lie where it begins; what a prompt leaves unfinished is a character of its own."""
    tokenizer = tokenizer_of(tiny_paths)
    ids = "a\xfcb".encode()
    logprobs = CompletionLogprobs(tokenizer)
    assert logprobs.of_prompt("a\xfcb", ids, positions_of(*ids[1:])).text_offset == [0, 1, 1, 2]
    cut = CompletionLogprobs(tokenizer)
    text = tokenizer.decode_markup(ids[:2])
    assert text == "a\ufffd"
    assert cut.of_prompt(text, ids[:2], positions_of(ids[1])).text_offset == [0, 1]
    assert cut.of_reply(positions_of(*b"x")).text_offset == [2]


def test_of_two_halves_with_one_name_the_better_is_told(tiny_paths: dict[str, Path]) -> None:
    """Whether the token that stands there was the likeliest is read off the greatest value."""
    top = tuple(TokenLogprob(token_id=token_id, logprob=own) for token_id, own in ((0xC3, -0.5), (0xC4, -2.0)))
    position = PositionLogprobs(chosen=top[0], top=top)
    lists = CompletionLogprobs(tokenizer_of(tiny_paths)).of_reply([position])
    assert lists.top_logprobs == [{"\ufffd": -0.5}]


def test_without_an_echo_offsets_begin_with_the_reply(tiny_paths: dict[str, Path]) -> None:
    logprobs = CompletionLogprobs(tokenizer_of(tiny_paths))
    assert logprobs.of_reply(positions_of(*b"ab")).text_offset == [0, 1]
    assert logprobs.of_reply(positions_of(*b"c")).text_offset == [2]
