"""The bundled model against `transformers`, and the promise that how a token is computed does not change it."""

import random
from collections.abc import Callable

import pytest
import torch

from inference.kvcache.storage import KvStorage, num_blocks_for
from inference.model.attention import tile_end
from inference.model.batch import Batch, Segment
from inference.model.llama import Llama, load_model
from inference.text.chat import ChatMessage, build_prompt
from inference.weights.checkpoint import Checkpoint
from tests.inference.reference import as_transformers

QUESTIONS = ["What is the capital of France?", "Write one line of Python."]
NUM_GREEDY = 20


class Context:
    """Keys and values of one sequence in a storage of its own."""

    def __init__(self, model: Llama, num_tokens: int) -> None:
        self.block_ids = range(1, num_blocks_for(num_tokens) + 1)
        self.kv = KvStorage(model.kv_shape, num_blocks=len(self.block_ids) + 1)
        self.num_tokens = 0


def compute(model: Llama, token_ids: list[int], context: Context, chunk: Callable[[], int]) -> torch.Tensor:
    """Logits after the last token, computing what `context` lacks in chunks of these sizes."""
    logits = torch.empty(0)
    while (start := context.num_tokens) < len(token_ids):
        size = min(chunk(), len(token_ids) - start, tile_end(start) - start)
        segment = Segment(row=0, num_tokens=size, position=start, block_ids=context.block_ids)
        batch = Batch(ids=token_ids[start : start + size], segments=[segment], logit_rows=[size - 1])
        logits = model.forward(batch, context.kv)
        context.num_tokens += size
    return logits[-1]


def greedy(model: Llama, prompt: list[int], num_tokens: int) -> list[int]:
    token_ids, context = list(prompt), Context(model, len(prompt) + num_tokens)
    for _ in range(num_tokens):
        token_ids.append(int(compute(model, token_ids, context, lambda: 256).argmax()))
    return token_ids[len(prompt) :]


def test_greedy_text_equals_that_of_transformers(smollm2: Checkpoint) -> None:
    """Thirty layers, a real vocabulary and a chat prompt: nothing is nearly right here."""
    ours, theirs = load_model(smollm2, dtype="float32", max_context=512), as_transformers(smollm2)
    for question in QUESTIONS:
        prompt = list(build_prompt(smollm2.chat_format, [ChatMessage(role="user", content=question)]).ids)
        with torch.no_grad():
            inputs = torch.tensor([prompt])
            output = theirs.generate(
                inputs,
                attention_mask=torch.ones_like(inputs),
                do_sample=False,
                max_new_tokens=NUM_GREEDY,
                eos_token_id=None,
                pad_token_id=2,
            )
        assert greedy(ours, prompt, NUM_GREEDY) == output[0, len(prompt) :].tolist()


def test_four_bits_answer_as_float32_does(smollm2: Checkpoint, smollm2_model: Llama) -> None:
    """The served form rounds scales and activations to bfloat16: logits move by a few hundredths, no more."""
    prompt = list(build_prompt(smollm2.chat_format, [ChatMessage(role="user", content=QUESTIONS[0])]).ids)
    reference = load_model(smollm2, dtype="float32", max_context=512)
    exact = compute(reference, prompt, Context(reference, 256), lambda: 256)
    served = compute(smollm2_model, prompt, Context(smollm2_model, 256), lambda: 256)
    assert torch.nn.functional.kl_div(served.log_softmax(0), exact.softmax(0), reduction="sum") < 0.02
    assert int(served.argmax()) == int(exact.argmax())


@pytest.mark.parametrize("threads", [1, 2])
def test_chunks_and_threads_do_not_change_a_single_bit(smollm2_model: Llama, threads: int) -> None:
    """A token's keys and logits depend on the tokens before it alone. Prefix reuse and resuming rest on this."""
    rng = random.Random(3)
    token_ids = [rng.randrange(100, 40000) for _ in range(330)]
    whole, pieces = (Context(smollm2_model, len(token_ids)) for _ in range(2))
    in_one = compute(smollm2_model, token_ids, whole, lambda: 256)
    torch.set_num_threads(threads)
    try:
        in_pieces = compute(smollm2_model, token_ids, pieces, lambda: rng.choice([1, 2, 3, 7, 16, 40, 100]))
    finally:
        torch.set_num_threads(1)
    assert torch.equal(in_one, in_pieces)
    assert torch.equal(whole.kv.keys, pieces.kv.keys)
    assert torch.equal(whole.kv.values, pieces.kv.values)


def test_neighbours_in_a_step_do_not_change_a_single_bit(smollm2_model: Llama) -> None:
    """A reply is the same whoever else is being answered."""
    rng = random.Random(4)
    prompts = [[rng.randrange(100, 40000) for _ in range(length)] for length in (5, 33, 90)]
    alone = [compute(smollm2_model, p, Context(smollm2_model, 256), lambda: 256) for p in prompts]
    kv = KvStorage(smollm2_model.kv_shape, num_blocks=8)
    blocks = iter([[3], [1, 7], [5, 2, 6]])
    segments: list[Segment] = []
    ids: list[int] = []
    for prompt in prompts:
        segments.append(Segment(row=len(ids), num_tokens=len(prompt), position=0, block_ids=next(blocks)))
        ids += prompt
    ends = [segment.row + segment.num_tokens - 1 for segment in segments]
    together = smollm2_model.forward(Batch(ids=ids, segments=segments, logit_rows=ends), kv)
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))
