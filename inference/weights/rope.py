"""The order of rows in q and k. The one thing about Llama weights that is wrong silently.

Rope turns pairs of dimensions of each head. Meta and GGUF pair neighbours (0,1), (2,3), ...; Hugging Face pairs halves
(0, d/2), (1, d/2 + 1), ... Both are the same model with the rows of q and k permuted inside each head:

    interleaved   a0 b0 a1 b1 a2 b2        ->        half-split   a0 a1 a2 b0 b1 b2

Half-split is canonical here. A permutation of rows is exact for block-quantised weights too, since blocks run along
the input dimension.
"""

import torch


def half_split_order(num_rows: int, head_dim: int) -> torch.Tensor:
    """`w[order]` has half-split rows where `w` has interleaved ones. `num_rows` is a multiple of `head_dim`."""
    return torch.arange(num_rows).view(-1, head_dim // 2, 2).transpose(1, 2).reshape(-1)


def interleaved_order(num_rows: int, head_dim: int) -> torch.Tensor:
    """The inverse of `half_split_order`."""
    return torch.arange(num_rows).view(-1, 2, head_dim // 2).transpose(1, 2).reshape(-1)
