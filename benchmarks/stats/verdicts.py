"""What is asked of a way to compare two arms, of many experiments at once."""

from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Truth(NamedTuple):
    difference: float
    lift: float


class Verdicts(NamedTuple):
    """Of each experiment: what its intervals leave out."""

    zero: Bools
    truth: Bools
    lift: Bools
    zero_at_one_look: Bools


class Method(Protocol):
    """A way to keep what the people of an arm did, and to compare two arms.

    table    of people's rows, what is kept of each: numbers that are added, or the one bin that is counted
    width    of what is kept of an arm
    """

    def table(self, rows: Floats) -> npt.NDArray[Any]: ...

    def width(self, table: npt.NDArray[Any]) -> int: ...

    def level(self, rows: Floats) -> float:
        """The metric of these people."""
        ...

    def judge(self, control: Floats, treatment: Floats, truth: Truth, *, share: float, alpha: float) -> Verdicts:
        """Of what is kept of the arms, each [experiments, width]."""
        ...

    def sums(self, kept: Floats) -> Any:
        """What is kept of the arm of one experiment, as the application keeps it."""
        ...
