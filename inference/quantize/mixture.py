"""Which type each tensor is stored in."""

from collections.abc import Mapping
from dataclasses import dataclass

from gguf.constants import GGML_QUANT_SIZES
from gguf.constants import GGMLQuantizationType as Type

FLOATS = {Type.F32, Type.F16, Type.BF16}
BLOCKS = {Type.Q8_0, Type.Q6_K, Type.Q5_0, Type.Q5_1, Type.Q4_K, Type.Q4_0, Type.Q4_1}
TYPES = {kind.name.lower(): kind for kind in sorted(FLOATS | BLOCKS)}
# The head decides between neighbouring words, and where it is tied it is the embedding too: eight bits at least.
ENDS = ("embedding", "head")
ENDS_TYPE = {Type.Q4_K: Type.Q6_K}
# K-quants share scales in blocks of 256 columns. Rows of another length get the nearest type in blocks of 32.
SHORTER_BLOCKS = {Type.Q4_K: Type.Q4_1, Type.Q6_K: Type.Q8_0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """`kind` for the matrices of the layers, `ends` for embedding and head; vectors stay float32."""

    kind: Type
    ends: Type

    def type_of(self, name: str, shape: tuple[int, ...]) -> Type:
        """The type a tensor of this name and shape is stored in."""
        if len(shape) == 1:
            return Type.F32
        wanted = self.ends if name in ENDS else self.kind
        for kind in (wanted, SHORTER_BLOCKS.get(wanted, Type.F16), Type.F16):
            if shape[-1] % GGML_QUANT_SIZES[kind][0] == 0:
                return kind
        raise AssertionError("a block of one value fits any row")

    def types(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Type]:
        return {name: self.type_of(name, shape) for name, shape in shapes.items()}


def mixture(kind: str, ends: str = "") -> Mixture:
    """By the names in TYPES. Without `ends`, embedding and head get as much as they need to do no harm."""
    chosen = TYPES[kind]
    default = chosen if chosen in FLOATS else ENDS_TYPE.get(chosen, Type.Q8_0)
    return Mixture(kind=chosen, ends=TYPES[ends] if ends else default)
