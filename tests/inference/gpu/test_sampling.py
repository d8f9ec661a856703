"""Sampling many rows in torch against the chooser that takes one row at a time in numpy."""

import numpy as np
import pytest
import torch

from inference.gpu.sampling import SamplingRows, noise_bits, on_device, sample_rows
from inference.model.batch import FAILED
from inference.sampling import noise
from inference.sampling.chooser import TokenChooser
from inference.sampling.params import GrammarSpec, SamplingParams

VOCAB = 3000
MIXED = [
    SamplingParams(temperature=0.0),
    SamplingParams(temperature=0.8, top_k=40, seed=1),
    SamplingParams(temperature=1.0, top_p=0.9, seed=2**64 - 1),
    SamplingParams(temperature=1.3, top_k=200, top_p=0.7, min_p=0.01, seed=3),
    SamplingParams(temperature=0.5, min_p=0.2, seed=-4),
    SamplingParams(temperature=1.0, seed=5),
]


def logits_of(num_rows: int, seed: int) -> torch.Tensor:
    return 3 * torch.randn(num_rows, VOCAB, generator=torch.Generator().manual_seed(seed))


def chosen_on_host(logits: torch.Tensor, params: SamplingParams, position: int) -> int:
    chooser = TokenChooser(params, prompt_ids=[0] * (position + 1), num_reply_ids=position, stop_ids=[1])
    return chooser.choose(logits, position=position, reply_ids=[0] * position).token_id


@pytest.mark.parametrize("seed", [0, 1, 2**63, 2**64 - 1, -7])
@pytest.mark.parametrize("position", [0, 1, 131071])
def test_the_hash_is_bit_for_bit_the_hosts(seed: int, position: int) -> None:
    """Else a reply would change when its row moves between the device and the CPU."""
    token_ids = np.arange(0, 128256, 17, dtype=np.int64)
    theirs = noise._bits(seed, position, token_ids.astype(np.uint64)).view(np.int64)
    rows = SamplingRows.of([SamplingParams(seed=seed)], [position], device="cpu")
    ours = noise_bits(rows.keys, rows.positions, torch.from_numpy(token_ids))
    assert np.array_equal(ours[0].numpy(), theirs)


@pytest.mark.parametrize("position", range(12))
def test_every_row_gets_the_token_the_chooser_takes(position: int) -> None:
    """Greedy beside drawn rows, each with rules of its own."""
    logits = logits_of(len(MIXED), seed=position)
    rows = SamplingRows.of(MIXED, [position] * len(MIXED), device="cpu")
    assert rows.method == "truncated"
    expected = [chosen_on_host(row, params, position) for row, params in zip(logits, MIXED, strict=True)]
    assert sample_rows(logits, rows).tolist() == expected


@pytest.mark.parametrize(("params", "method"), [(MIXED[:1] * 3, "greedy"), ([MIXED[0], MIXED[5], MIXED[5]], "whole")])
def test_what_no_row_asks_for_is_not_computed(params: list[SamplingParams], method: str) -> None:
    """Sorting a vocabulary takes longer than all else."""
    logits = logits_of(3, seed=99)
    rows = SamplingRows.of(params, [4, 5, 6], device="cpu")
    assert rows.method == method
    expected = [chosen_on_host(row, one, at) for row, one, at in zip(logits, params, (4, 5, 6), strict=True)]
    assert sample_rows(logits, rows).tolist() == expected


def test_what_is_not_a_number_is_never_chosen() -> None:
    logits = torch.full((2, VOCAB), torch.nan)
    logits[1, 7] = 0.5
    assert sample_rows(logits, SamplingRows.of(MIXED[:2], [0, 0], device="cpu")).tolist() == [FAILED, 7]


def test_rows_that_need_the_chooser_are_told_apart() -> None:
    assert all(on_device(params) for params in MIXED)
    for refused in (
        SamplingParams(grammar=GrammarSpec(kind="regex", text="a")),
        SamplingParams(presence_penalty=0.5),
        SamplingParams(logit_bias={3: 1.0}),
        SamplingParams(num_logprobs=0),
        SamplingParams(typical_p=0.9),
        SamplingParams(min_tokens=2),
    ):
        assert not on_device(refused)
