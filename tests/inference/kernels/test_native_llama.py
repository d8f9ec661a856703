"""The native forward pass against the torch one, and the promise that how a token is computed does not change it."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from gguf.constants import GGMLQuantizationType as Type

from inference.kernels.library import Isa, NativeLibrary
from inference.kernels.native_llama import InputBits, NativeLlama
from inference.kvcache.storage import NULL_BLOCK, KvStorage, num_blocks_for
from inference.model.batch import Batch, DecoderModel, Segment
from inference.model.llama import load_model
from inference.text.chat import ChatMessage, build_prompt
from inference.weights.checkpoint import BlockMatrix, Checkpoint, PackedMatrix, Stored
from inference.weights.open import open_checkpoint
from inference.weights.part import Part
from inference.weights.shape import ModelShape, Rope
from tests.inference.checkpoints import TinyLlama, make_tiny_llama, write_gguf
from tests.inference.kernels.matrices import dense, isas, random_matrix

QUESTIONS = ["What is the capital of France?", "Write one line of Python.", "How do bees make honey?"]
NUM_BLOCKS = 40


@pytest.fixture(scope="module")
def native(library: NativeLibrary, smollm2: Checkpoint) -> NativeLlama:
    """The bundled model as it is served."""
    return NativeLlama(library, smollm2, max_context=1024, num_threads=2)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, tiny_llama: TinyLlama) -> dict[str, Checkpoint]:
    """A small random Llama in each block format its widths allow, and in float32."""
    root = tmp_path_factory.mktemp("tiny-quantised")
    kinds = (Type.F32, Type.Q4_0, Type.Q4_1, Type.Q8_0)
    return {kind.name: open_checkpoint(str(write_gguf(root / f"{kind.name}.gguf", tiny_llama, kind))) for kind in kinds}


def blocks_for(num_tokens: int, *, seed: int = 0) -> list[int]:
    """Some blocks in no order, as a pool in use hands them out."""
    return random.Random(seed).sample(range(1, NUM_BLOCKS), num_blocks_for(num_tokens))


def compute(
    model: DecoderModel, ids: list[int], kv: KvStorage, block_ids: list[int], chunks: Iterable[int] = ()
) -> torch.Tensor:
    """Logits [T, vocab] of all tokens, computed in chunks of these sizes and then the rest at once."""
    logits, start = [], 0
    for wanted in [*chunks, len(ids)]:
        size = min(wanted, len(ids) - start)
        if size:
            segment = Segment(row=0, num_tokens=size, position=start, block_ids=block_ids)
            batch = Batch(ids=ids[start : start + size], segments=[segment], logit_rows=range(size))
            logits.append(model.forward(batch, kv))
            start += size
    return torch.cat(logits)


def storage(model: DecoderModel) -> KvStorage:
    return KvStorage(model.kv_shape, num_blocks=NUM_BLOCKS)


def some_ids(count: int, *, vocab: int = 40000, seed: int = 3) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(100, vocab) for _ in range(count)]


def divergence(found: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
    """KL divergence [T] of the found distributions from the exact ones."""
    return torch.nn.functional.kl_div(found.log_softmax(1), exact.softmax(1), reduction="none").sum(1)


def test_answers_as_float32_does(native: NativeLlama, smollm2: Checkpoint) -> None:
    """On every processor: with inputs of 8 bits one without VNNI answered the first question otherwise."""
    reference = load_model(smollm2, dtype="float32", max_context=512)
    for question in QUESTIONS:
        ids = list(build_prompt(smollm2.chat_format, [ChatMessage(role="user", content=question)]).ids)
        blocks = blocks_for(len(ids))
        exact = compute(reference, ids, storage(reference), blocks)[-1:]
        served = compute(native, ids, storage(native), blocks)[-1:]
        assert float(divergence(served, exact)) < 0.001
        assert int(served.argmax()) == int(exact.argmax())


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q8_0"])
@pytest.mark.parametrize("isa", isas(), ids=lambda isa: isa.name)
def test_every_instruction_set_computes_the_same_model(
    library: NativeLibrary, tiny: Mapping[str, Checkpoint], kind: str, isa: Isa
) -> None:
    """Plain and scaled rope, more heads than key-value heads, heads narrower than a vector, an untied head.

    The reference has the same weights in float32. Rounding inputs costs a percent of a product, of which there are
    seven in a row here: a few percent of the logits. With 16 bits there is only the rounding of keys and values to
    bfloat16, which moves the torch model's logits by up to two percent as well.
    """
    checkpoint = tiny[kind]
    reference = load_model(checkpoint, dtype="float32", max_context=128)
    ids, blocks = some_ids(70, vocab=512), blocks_for(70)
    exact = compute(reference, ids, storage(reference), blocks)
    tolerances: dict[InputBits, float] = {8: 0.05, 16: 0.02}
    for input_bits, tolerance in tolerances.items():
        model = NativeLlama(library, checkpoint, max_context=128, num_threads=2, isa=isa, input_bits=input_bits)
        found = compute(model, ids, storage(model), blocks)
        assert (found - exact).norm() / exact.norm() < tolerance


@pytest.mark.parametrize("isa", isas(), ids=lambda isa: isa.name)
def test_attention_over_several_folds_is_that_of_torch(
    library: NativeLibrary, tiny: Mapping[str, Checkpoint], isa: Isa
) -> None:
    """The softmax takes in 128 positions at once: every row is held, those at the edges of folds, blocks and spans too.

    The tolerance is for the rounding of inputs, keys and values; with one key too many most rows move by a fifth.
    """
    reference = load_model(tiny["Q4_1"], dtype="float32", max_context=320)
    ids, blocks = some_ids(301, vocab=512), blocks_for(301)
    exact = compute(reference, ids, storage(reference), blocks, [256])
    model = NativeLlama(library, tiny["Q4_1"], max_context=320, num_threads=2, isa=isa, input_bits=16)
    found = compute(model, ids, storage(model), blocks, [127, 1, 128])
    assert float(((found - exact).norm(dim=1) / exact.norm(dim=1)).max()) < 0.05


@pytest.mark.parametrize("isa", isas(), ids=lambda isa: isa.name)
def test_folds_do_not_depend_on_where_a_chunk_begins(
    library: NativeLibrary, tiny: Mapping[str, Checkpoint], isa: Isa
) -> None:
    """Which positions are taken in together is counted from position 0, whatever the rows beside a row."""
    ids, rng = some_ids(301, vocab=512), random.Random(2)
    model = NativeLlama(library, tiny["Q4_1"], max_context=320, num_threads=2, isa=isa)
    whole = storage(model)
    in_one = compute(model, ids, whole, blocks_for(301))
    for sizes in ([1] * 301, [127, 1, 1, 126, 2], [rng.choice([1, 2, 3, 5, 31, 64, 97]) for _ in ids]):
        pieces = storage(model)
        assert torch.equal(compute(model, ids, pieces, blocks_for(301), sizes), in_one)
        assert torch.equal(whole.keys, pieces.keys)
        assert torch.equal(whole.values, pieces.values)


@pytest.mark.parametrize("isa", isas(), ids=lambda isa: isa.name)
def test_chunks_and_threads_do_not_change_a_single_bit(
    library: NativeLibrary, tiny: Mapping[str, Checkpoint], isa: Isa
) -> None:
    """Whether prompt, chunk, decode step or verified draft: a token's logits, keys and values are the same."""
    ids, rng = some_ids(120, vocab=512), random.Random(1)
    results = []
    for num_threads, sizes in ((1, []), (2, []), (1, [1] * 120), (2, [rng.choice([1, 2, 3, 7, 33]) for _ in ids])):
        model = NativeLlama(library, tiny["Q4_1"], max_context=128, num_threads=num_threads, isa=isa)
        kv = storage(model)
        results.append((compute(model, ids, kv, blocks_for(120), sizes), kv.keys, kv.values))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_chunks_do_not_change_a_single_bit_of_the_bundled_model(native: NativeLlama) -> None:
    """The same in thirty layers, over more keys than a span of queries has rows."""
    ids, blocks = some_ids(150), blocks_for(150)
    whole, pieces = storage(native), storage(native)
    in_one = compute(native, ids, whole, blocks)
    in_pieces = compute(native, ids, pieces, blocks, [1, 2, 3, 16, 40, 1, 7, 31, 33, *[1] * 8])
    assert torch.equal(in_one, in_pieces)
    assert torch.equal(whole.keys, pieces.keys)
    assert torch.equal(whole.values, pieces.values)


def test_any_number_of_threads_may_be_used_from_step_to_step(
    library: NativeLibrary, tiny: Mapping[str, Checkpoint]
) -> None:
    """Also more than there are cores, which makes threads late for chunks that others took long ago."""
    model = NativeLlama(library, tiny["Q4_1"], max_context=128, num_threads=1)
    ids, blocks, kv = some_ids(100, vocab=512), blocks_for(100), storage(model)
    expected = compute(model, ids, kv, blocks)
    rng = random.Random(5)
    for _ in range(40):
        model.num_threads = rng.choice([1, 2, 3, 8])
        sizes = [rng.choice([1, 4, 20]) for _ in range(100)]
        assert torch.equal(compute(model, ids, kv, blocks, sizes), expected)


def test_neighbours_in_a_step_do_not_change_a_single_bit(native: NativeLlama) -> None:
    """A reply is the same whoever else is being answered, and whichever blocks it got."""
    prompts = [some_ids(length, seed=length) for length in (5, 33, 1, 90, 64, 17)]
    together, free = storage(native), iter(range(1, NUM_BLOCKS))
    segments, row = [], 0
    for prompt in prompts:
        block_ids = [next(free) for _ in range(num_blocks_for(len(prompt)))]
        segments.append(Segment(row=row, num_tokens=len(prompt), position=0, block_ids=block_ids))
        row += len(prompt)
    ids = [token for prompt in prompts for token in prompt]
    logits = native.forward(Batch(ids=ids, segments=segments, logit_rows=range(len(ids))), together)
    for prompt, segment in zip(prompts, segments, strict=True):
        alone = compute(native, prompt, storage(native), blocks_for(len(prompt), seed=9))
        assert torch.equal(logits[segment.row : segment.row + segment.num_tokens], alone)


def test_a_sequence_may_be_in_a_step_twice(native: NativeLlama) -> None:
    """Two segments of one sequence, the second reading what the first writes in the same step."""
    ids, blocks = some_ids(50), blocks_for(50)
    kv = storage(native)
    segments = [
        Segment(row=0, num_tokens=20, position=0, block_ids=blocks),
        Segment(row=20, num_tokens=30, position=20, block_ids=blocks),
    ]
    twice = native.forward(Batch(ids=ids, segments=segments, logit_rows=[49]), kv)
    assert torch.equal(twice[0], compute(native, ids, storage(native), blocks)[-1])


def test_only_the_blocks_given_are_written_and_read(native: NativeLlama) -> None:
    """Everything else may belong to somebody, or hold what somebody left: not a number must not leak in."""
    ids, blocks = some_ids(45), blocks_for(45)
    clean, dirty = storage(native), storage(native)
    for content in (dirty.keys, dirty.values):
        content.fill_(float("nan"))
    assert torch.equal(compute(native, ids, clean, blocks), compute(native, ids, dirty, blocks, [20]))
    others = [block for block in range(NUM_BLOCKS) if block not in blocks]
    for content, untouched in ((clean.keys, clean.values), (clean.values, clean.keys)):
        assert not content[:, others].any()
        assert content[:, blocks[0]].all(dim=-1).any() and untouched[:, blocks[0]].any()
        assert not content[:, blocks[1], :, 45 % 32 :].any()


def test_keys_and_values_are_those_of_torch(native: NativeLlama, smollm2: Checkpoint) -> None:
    """So that either path could go on from the other's blocks: same rope order, same layout, bfloat16."""
    reference = load_model(smollm2, dtype="float32", max_context=512)
    ids, blocks = some_ids(40), blocks_for(40)
    ours, theirs = storage(native), storage(reference)
    compute(native, ids, ours, blocks)
    compute(reference, ids, theirs, blocks)
    for found, exact in ((ours.keys, theirs.keys), (ours.values, theirs.values)):
        first_layer = (found[0].float() - exact[0]).norm() / exact[0].norm()
        assert first_layer < 0.02  # one product's rounding, and bfloat16's


def test_no_logits_may_be_wanted(native: NativeLlama) -> None:
    """All chunks of a prompt but its last one."""
    kv, blocks = storage(native), blocks_for(8)
    segment = Segment(row=0, num_tokens=8, position=0, block_ids=blocks)
    batch = Batch(ids=some_ids(8), segments=[segment], logit_rows=[])
    assert native.forward(batch, kv).shape == (0, native.shape.vocab_size)
    assert kv.keys[:, blocks[0]].any()


@pytest.mark.parametrize(
    ("ids", "segment", "logit_rows"),
    [
        ([49152], Segment(row=0, num_tokens=1, position=0, block_ids=[1]), [0]),
        ([-1], Segment(row=0, num_tokens=1, position=0, block_ids=[1]), [0]),
        ([5], Segment(row=0, num_tokens=1, position=0, block_ids=[NULL_BLOCK]), [0]),
        ([5], Segment(row=0, num_tokens=1, position=0, block_ids=[NUM_BLOCKS]), [0]),
        ([5], Segment(row=0, num_tokens=1, position=32, block_ids=[1]), [0]),
        ([5], Segment(row=0, num_tokens=1, position=1024, block_ids=list(range(1, 34))), [0]),
        ([5], Segment(row=0, num_tokens=2, position=0, block_ids=[1]), [0]),
        ([5], Segment(row=1, num_tokens=1, position=0, block_ids=[1]), [0]),
        ([5], Segment(row=0, num_tokens=1, position=0, block_ids=[1]), [1]),
    ],
    ids=[
        "token id too large",
        "token id negative",
        "null block",
        "no such block",
        "no block for the position",
        "beyond the context",
        "more tokens than ids",
        "rows not covered",
        "no such logit row",
    ],
)
def test_a_wrong_batch_is_refused_before_anything_is_computed(
    native: NativeLlama, ids: list[int], segment: Segment, logit_rows: list[int]
) -> None:
    """Beyond this call there is no check: what is let in here is an address."""
    kv = storage(native)
    with pytest.raises(ValueError, match="out of range"):
        native.forward(Batch(ids=ids, segments=[segment], logit_rows=logit_rows), kv)
    assert not kv.keys.any()


class RandomWeights:
    """Random tensors for a shape, matrices in the block formats given by the last part of their name."""

    def __init__(self, shape: ModelShape, kinds: Mapping[str, str]) -> None:
        self._shapes = shape.tensor_shapes()
        self._kinds = kinds

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        return self._shapes

    def stored(self) -> Mapping[str, Stored]:
        return {name: Stored(type=self._kind(name), num_bytes=1) for name in self._shapes}

    def tensor(self, name: str, dtype: torch.dtype | None = None, part: Part | None = None) -> torch.Tensor:
        blocks = self.blocks(name)
        return (torch.ones(self._shapes[name]) if blocks is None else dense(blocks)).to(dtype or torch.float32)

    def packed(self, name: str, part: Part | None = None) -> PackedMatrix | None:
        return None

    def blocks(self, name: str, part: Part | None = None) -> BlockMatrix | None:
        shape = self._shapes[name]
        if len(shape) == 1:
            return None
        return random_matrix(self._kind(name), *shape, seed=sum(name.encode()), scale=0.01)

    def _kind(self, name: str) -> str:
        return self._kinds.get(name.split(".")[-1], "F32" if len(self._shapes[name]) == 1 else "Q4_K")


def test_a_mixture_of_k_formats_as_llama_files_have_it(library: NativeLibrary, tiny: Mapping[str, Checkpoint]) -> None:
    """Q4_K_M: most matrices in Q4_K, v, down and the head in Q6_K, and heads of 128 dimensions."""
    small, kinds = tiny["Q8_0"], {"v": "Q6_K", "down": "Q6_K", "head": "Q6_K"}
    shape = replace(
        small.shape,
        num_layers=1,
        hidden_size=256,
        num_heads=2,
        num_kv_heads=1,
        head_dim=128,
        mlp_size=512,
        rope=Rope(theta=10000.0),
    )
    checkpoint = replace(small, shape=shape, weights=RandomWeights(shape, kinds))
    assert NativeLlama.fits(checkpoint) == ""
    reference = load_model(checkpoint, dtype="float32", max_context=128)
    model = NativeLlama(library, checkpoint, max_context=128, num_threads=2)
    ids, blocks = some_ids(40, vocab=512), blocks_for(40)
    exact = compute(reference, ids, storage(reference), blocks)
    assert (compute(model, ids, storage(model), blocks) - exact).norm() / exact.norm() < 0.05


def test_a_checkpoint_that_does_not_fit_says_why(tiny: Mapping[str, Checkpoint], smollm2: Checkpoint) -> None:
    """Float weights stay on torch, and so do formats nobody wrote a kernel for."""
    assert NativeLlama.fits(smollm2) == ""
    assert NativeLlama.fits(tiny["Q4_1"]) == ""
    assert NativeLlama.fits(tiny["F32"]).endswith("is stored as F32")


def test_width_must_suit_the_blocks(tmp_path: Path) -> None:
    """The error is known before anything is loaded."""
    checkpoint = open_checkpoint(str(write_gguf(tmp_path / "tiny.gguf", make_tiny_llama(is_scaled=False), Type.Q8_0)))
    odd = replace(checkpoint, weights=RandomWeights(checkpoint.shape, {}))
    assert "has 128 columns, not a multiple of 256" in NativeLlama.fits(odd)
