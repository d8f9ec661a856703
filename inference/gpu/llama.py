"""The Llama decoder on a CUDA device, as a DecoderModel: fixed decode steps as captured graphs, prompts eagerly.

A layer is ten launches: norm, qkv, rope with storing, attention and its join, o, norm, gate and up, gate, down. The
residual stream is float32, as everywhere in this engine; what is multiplied is bfloat16 or smaller.

On the CPU the same class computes in plain torch, which is how it is tested. Unlike the CPU engine's models this one
does not promise the same bits for a row whatever is computed beside it: products of another number of rows may be
summed in another order (docs/design/gpu.md).
"""

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from inference.gpu.attention import Pages, choose_backend, paged_attend, split_tokens_for
from inference.gpu.decode_loop import DecodeLoop
from inference.gpu.fused import fused_for
from inference.gpu.graphs import FixedSteps, StepSizes
from inference.gpu.linear import Head, Matrix
from inference.gpu.pages import PagedRows, like, ragged_rows, uniform_rows
from inference.gpu.sampling import METHODS, Method, SamplingRows, method_for, on_device, sample_rows
from inference.kvcache.storage import KvShape, KvStorage, num_blocks_for
from inference.model.batch import Batch
from inference.model.rotary import RotaryTable
from inference.sampling.params import SamplingParams
from inference.weights.shape import ModelShape


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuLayer:
    """One decoder layer; q, k, v are one matrix, and so are gate and up."""

    attention_norm: Tensor
    qkv: Matrix
    o: Matrix
    mlp_norm: Tensor
    gate_up: Matrix
    down: Matrix

    @property
    def num_bytes(self) -> int:
        return self.qkv.num_bytes + self.o.num_bytes + self.gate_up.num_bytes + self.down.num_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuWeights:
    """A model in a device's memory. The type of `embedding` is what is computed in."""

    embedding: Tensor
    layers: Sequence[GpuLayer]
    final_norm: Tensor
    head: Head

    @property
    def num_step_bytes(self) -> int:
        """What a decode step reads: all but the embedding, of which it reads a row."""
        return sum(layer.num_bytes for layer in self.layers) + self.head.num_bytes


class CudaLlama:
    """A model on one device. `kv_dtype` is float8_e4m3fn for keys and values of half the size."""

    def __init__(
        self,
        shape: ModelShape,
        weights: GpuWeights,
        *,
        max_context: int,
        kv_dtype: torch.dtype | None = None,
        kv_scale: float = 1.0,
        has_graphs: bool = True,
        sizes: StepSizes | None = None,
    ) -> None:
        self.shape = shape
        self.max_context = max_context
        self.weights = weights
        self._dtype = weights.embedding.dtype
        self._device = str(weights.embedding.device)
        self._sizes = sizes or StepSizes()
        self._num_positions = max_context + max(self._sizes.rows_each)  # a padded draft may stand behind the last one
        self._kv_scale = kv_scale
        self.kv_shape = KvShape(
            num_layers=shape.num_layers,
            num_kv_heads=shape.num_kv_heads,
            head_dim=shape.head_dim,
            dtype=kv_dtype or self._dtype,
            device=self._device,
            has_scratch_block=True,
        )
        self._backend = choose_backend(
            self._device,
            num_heads=shape.num_heads,
            num_groups=shape.num_kv_heads,
            head_dim=shape.head_dim,
            dtype=self._dtype,
        )
        self._fused = fused_for(self._device)
        # The plain attention reads its tables on the host, which no graph can do.
        self._has_graphs = has_graphs and self._backend != "plain" and torch.device(self._device).type == "cuda"
        self._split_tokens = split_tokens_for(self._num_positions)
        rope = RotaryTable(shape.rope, head_dim=shape.head_dim, num_positions=self._num_positions)
        cos, sin = rope.at(torch.arange(self._num_positions))
        self._rope = cos.squeeze(1).to(self._device), sin.squeeze(1).to(self._device)
        self._fixed: weakref.WeakKeyDictionary[KvStorage, FixedSteps] = weakref.WeakKeyDictionary()
        self._loops: weakref.WeakKeyDictionary[KvStorage, dict[tuple[int, Method], DecodeLoop]]
        self._loops = weakref.WeakKeyDictionary()

    @property
    def num_columns(self) -> int:
        """Blocks of the longest sequence."""
        return num_blocks_for(self._num_positions)

    def forward(self, batch: Batch, kv: KvStorage) -> Tensor:
        """As every DecoderModel: logits [R, vocab] float32 on the CPU."""
        return self.forward_on_device(batch, kv).cpu()

    @torch.inference_mode()
    def forward_on_device(self, batch: Batch, kv: KvStorage) -> Tensor:
        """The same on the device, without waiting for it. Valid until the next call."""
        logits = self._fixed_steps(kv).run(batch)
        return logits if logits is not None else self._forward_ragged(batch, kv)

    def can_sample(self, params: SamplingParams) -> bool:
        """As `DecodesOnDevice`."""
        return on_device(params)

    @torch.inference_mode()
    def forward_and_sample(
        self, batch: Batch, kv: KvStorage, params: Sequence[SamplingParams], reply_positions: Sequence[int]
    ) -> list[int]:
        """As `DecodesOnDevice`: what waits for the device is the copy of the ids alone."""
        rows = SamplingRows.of(params, reply_positions, device=self._device)  # before there is anything to wait for
        chosen: list[int] = sample_rows(self.forward_on_device(batch, kv), rows).tolist()
        return chosen

    def steps_ahead(self, kv: KvStorage, params: Sequence[SamplingParams]) -> DecodeLoop | None:
        """As `DecodesOnDevice`: a loop of the least size and method that serves all of these."""
        size = self._sizes.holding(len(params))
        return self._loop(kv, size, method_for(params)) if size else None

    @torch.inference_mode()
    def prepare(self, kv: KvStorage) -> None:
        """Capture the decode steps before the first request has to wait for it."""
        self._fixed_steps(kv).prepare()
        for size in sorted(self._sizes.batch_sizes, reverse=True):
            for method in METHODS:
                self._loop(kv, size, method)

    def compute(self, rows: PagedRows, kv: KvStorage, logit_rows: Tensor | None = None) -> Tensor:
        """One pass over rows on the device; logits of `logit_rows`, or of all. Launches kernels and nothing else."""
        shape, weights, fused = self.shape, self.weights, self._fused
        hidden = functional.embedding(rows.ids, weights.embedding).float()
        change: Tensor | None = None
        for number, layer in enumerate(weights.layers):
            pages = Pages(
                keys=kv.keys[number], values=kv.values[number], key_scale=self._kv_scale, value_scale=self._kv_scale
            )
            normed = self._add_norm(hidden, change, layer.attention_norm)
            heads = layer.qkv(normed).view(rows.num_rows, -1, shape.head_dim)
            queries = fused.rope_store(heads, self._rope, rows, pages, num_heads=shape.num_heads)
            mixed = paged_attend(queries, pages, rows, backend=self._backend, split_tokens=self._split_tokens)
            normed = self._add_norm(hidden, layer.o(mixed), layer.mlp_norm)
            change = layer.down(fused.gate(layer.gate_up(normed)))
        assert change is not None
        if logit_rows is not None:
            hidden, change = hidden[logit_rows], change[logit_rows]
        return weights.head(self._add_norm(hidden, change, weights.final_norm))

    def _add_norm(self, hidden: Tensor, change: Tensor | None, weight: Tensor) -> Tensor:
        return self._fused.add_norm(hidden, change, weight, eps=self.shape.norm_eps, dtype=self._dtype)

    def _forward_ragged(self, batch: Batch, kv: KvStorage) -> Tensor:
        on_host = ragged_rows(batch, pairs_per_row=self.pairs_per_row)
        rows = like(on_host, device=self._device)
        rows.buffer.copy_(on_host.buffer, non_blocking=True)
        return self.compute(rows, kv, torch.tensor(list(batch.logit_rows), dtype=torch.long, device=self._device))

    def _fixed_steps(self, kv: KvStorage) -> FixedSteps:
        if kv not in self._fixed:
            self._fixed[kv] = FixedSteps(
                self._computing_on(kv),
                scratch_block=kv.scratch_block,
                device=self._device,
                sizes=self._sizes,
                num_columns=self.num_columns,
                pairs_per_row=self.pairs_per_row,
                has_graphs=self._has_graphs,
            )
        return self._fixed[kv]

    def _loop(self, kv: KvStorage, size: int, method: Method) -> DecodeLoop:
        loops = self._loops.setdefault(kv, {})
        if (size, method) not in loops:
            rows = uniform_rows(
                num_sequences=size, rows_each=1, num_columns=self.num_columns, pairs_per_row=self.pairs_per_row
            )
            loops[size, method] = DecodeLoop(
                self._computing_on(kv),
                rows,
                method=method,
                scratch_block=kv.scratch_block,
                device=self._device,
                has_graph=self._has_graphs,
                pool=self._fixed_steps(kv).pool,
            )
        return loops[size, method]

    def _computing_on(self, kv: KvStorage) -> Callable[[PagedRows], Tensor]:
        reference = weakref.ref(kv)  # or the dictionaries would keep what they are to forget

        def compute(rows: PagedRows) -> Tensor:
            storage = reference()
            assert storage is not None  # whoever runs a step holds it
            return self.compute(rows, storage)

        return compute

    @property
    def pairs_per_row(self) -> int:
        """Heads that share a group's keys: with a row each is a pair for attention."""
        return self.shape.num_heads // self.shape.num_kv_heads
