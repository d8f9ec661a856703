"""How many of how many: what is kept of an arm for a yes-or-no metric."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """`yes` of `n` units."""

    n: int
    yes: int

    def __post_init__(self) -> None:
        if not 0 <= self.yes <= self.n:
            raise ValueError("A count is between none and all.")

    def __add__(self, other: "Count") -> "Count":
        return Count(n=self.n + other.n, yes=self.yes + other.yes)

    @property
    def no(self) -> int:
        return self.n - self.yes

    @property
    def share(self) -> float:
        return self.yes / self.n if self.n else float("nan")
