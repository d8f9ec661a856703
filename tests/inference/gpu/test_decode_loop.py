"""Steps that feed one another against steps that go through the host, token for token."""

from pathlib import Path

import pytest
import torch

from inference.gpu.decode_loop import DEPTH
from inference.gpu.llama import CudaLlama
from inference.gpu.weights import load_cuda_llama
from inference.kvcache.storage import KvStorage
from inference.model.batch import Batch, Runner, Segment
from inference.sampling.chooser import TokenChooser
from inference.sampling.params import SamplingParams
from inference.weights.open import open_checkpoint

BLOCKS = ((3, 9, 2), (5, 4, 1))
PROMPTS = (list(range(20, 50)), [7, 8, 9])
NUM_TOKENS = 20
GREEDY = SamplingParams(temperature=0.0)


@pytest.fixture(scope="module")
def model(tiny_paths: dict[str, Path]) -> CudaLlama:
    return load_cuda_llama(open_checkpoint(str(tiny_paths["hf"])), dtype="float32", max_context=256, device="cpu")


def step_by_step(model: CudaLlama, prompt: list[int], block_ids: tuple[int, ...], params: SamplingParams) -> list[int]:
    """As the engine does it today."""
    kv = KvStorage(model.kv_shape, num_blocks=12)
    chooser = TokenChooser(params, prompt_ids=prompt, stop_ids=[511])
    reply: list[int] = []
    tokens, start = list(prompt), 0
    while len(reply) < NUM_TOKENS:
        segment = Segment(row=0, num_tokens=len(tokens) - start, position=start, block_ids=block_ids)
        batch = Batch(ids=tokens[start:], segments=[segment], logit_rows=[len(tokens) - start - 1])
        start = len(tokens)
        token_id = chooser.choose(model.forward(batch, kv)[0], position=len(reply), reply_ids=reply).token_id
        chooser.accept(token_id)
        reply.append(token_id)
        tokens.append(token_id)
    return reply


@pytest.mark.parametrize(
    "params",
    [
        (SamplingParams(temperature=0.0), SamplingParams(temperature=0.0)),
        (SamplingParams(temperature=0.9, seed=1), SamplingParams(temperature=0.0)),
        (SamplingParams(temperature=0.9, top_p=0.8, seed=2), SamplingParams(temperature=0.7, top_k=20, seed=3)),
    ],
    ids=["greedy", "whole", "truncated"],
)
def test_a_loop_writes_the_replies_of_single_steps(model: CudaLlama, params: tuple[SamplingParams, ...]) -> None:
    """Two sequences and two rows of padding; the first crosses into a block that it gets on the way."""
    kv = KvStorage(model.kv_shape, num_blocks=12)
    loop = model.steps_ahead(kv, [*params, GREEDY])  # in the shape for four
    assert loop
    runners = []
    for prompt, block_ids, one in zip(PROMPTS, BLOCKS, params, strict=True):
        segment = Segment(row=0, num_tokens=len(prompt) - 1, position=0, block_ids=block_ids)
        model.forward(Batch(ids=prompt[:-1], segments=[segment], logit_rows=[]), kv)
        position = len(prompt) - 1
        runners.append(
            Runner(
                token_id=prompt[-1],
                position=position,
                block_ids=block_ids[: position // 32 + 1],
                params=one,
                reply_position=0,
            )
        )
    loop.start(runners)
    replies: list[list[int]] = []
    num_launched = 0
    while len(replies) < NUM_TOKENS:
        while num_launched < NUM_TOKENS and loop.num_under_way < DEPTH:
            if loop.room == 0:
                loop.extend(0, BLOCKS[0])
            loop.launch()
            num_launched += 1
        replies.append(loop.collect())
    expected = [step_by_step(model, *one) for one in zip(PROMPTS, BLOCKS, params, strict=True)]
    assert [list(reply) for reply in zip(*replies, strict=True)] == expected


def test_padding_stays_in_the_scratch_block(model: CudaLlama) -> None:
    """A row of padding that advanced would leave its table after 32 steps and write into somebody's block."""
    kv = KvStorage(model.kv_shape, num_blocks=12)
    loop = model.steps_ahead(kv, [GREEDY, GREEDY])
    assert loop
    runner = Runner(token_id=1, position=0, block_ids=(5, 4), params=GREEDY, reply_position=0)
    loop.start([runner])
    for _ in range(40):
        loop.launch()
        loop.collect()
    written = {int(block) for block in kv.keys.ne(0).flatten(2).any(-1).any(0).nonzero()}
    assert written == {5, 4, kv.scratch_block}
    assert loop.room == 24


def test_a_loop_can_be_started_again_with_others(model: CudaLlama) -> None:
    """The same captured step, other sequences: nothing of the first may be left."""
    kv = KvStorage(model.kv_shape, num_blocks=12)
    loop = model.steps_ahead(kv, [GREEDY, GREEDY])
    assert loop
    replies = []
    for block_ids in ((5,), (6,), (5,)):
        loop.start([Runner(token_id=1, position=0, block_ids=block_ids, params=GREEDY, reply_position=0)])
        loop.launch()
        loop.launch()
        replies.append([loop.collect(), loop.collect()])
    assert replies[0] == replies[1] == replies[2]
    assert torch.equal(kv.keys[:, 5], kv.keys[:, 6])
