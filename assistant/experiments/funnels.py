"""How far people came along ordered steps: what is kept of an arm for a funnel."""

from dataclasses import dataclass

from assistant.experiments.counts import Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel(Count):
    """The count of those who took the last step, with how many of the `n` came as far as each, the last among them."""

    reached: tuple[int, ...]

    def __post_init__(self) -> None:
        ordered = (self.n, *self.reached)
        if not self.reached or self.yes != self.reached[-1] or list(ordered) != sorted(ordered, reverse=True):
            raise ValueError("Nobody takes a step without those before it.")
        if self.yes < 0:
            raise ValueError("A count is between none and all.")

    @classmethod
    def of(cls, n: int, reached: tuple[int, ...]) -> "Funnel":
        return cls(n=n, yes=reached[-1], reached=reached)

    def __add__(self, other: Count) -> "Funnel":
        if not isinstance(other, Funnel) or len(other.reached) != len(self.reached):
            raise ValueError("These are funnels of different steps.")
        pairs = zip(self.reached, other.reached, strict=True)
        return Funnel.of(self.n + other.n, tuple(mine + theirs for mine, theirs in pairs))

    @property
    def shares(self) -> tuple[float, ...]:
        """Of all, those who came as far as each step; not a number without people."""
        return tuple(num / self.n if self.n else float("nan") for num in self.reached)
