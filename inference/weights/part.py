"""A piece of a matrix along one axis: what one rank of several needs, and what a file is read for."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rows (axis 0) or columns (axis 1) from `start` up to `stop` of a matrix [out, in]."""

    axis: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def of(self, matrix: Tensor) -> Tensor:
        """A view of this part."""
        return matrix.narrow(self.axis, self.start, len(self))

    def shape(self, whole: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of this part of a tensor of shape `whole`."""
        return tuple(len(self) if axis == self.axis else size for axis, size in enumerate(whole))

    def along(self, axis: int, size: int) -> tuple[int, int]:
        """The range it takes of `axis`, which has `size` entries: all of them on the other axis."""
        return (self.start, self.stop) if axis == self.axis else (0, size)

    def in_units(self, unit: int) -> "Part | None":
        """The same part counted in groups of `unit`; None if it cuts through one."""
        if self.start % unit or self.stop % unit:
            return None
        return Part(axis=self.axis, start=self.start // unit, stop=self.stop // unit)
