"""How well drafting goes, as counters that only grow. The names are those of vLLM's and llama.cpp's metrics."""

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class DraftCounters:
    """Over all requests since the start.

    num_drafts               steps of a request that had at least one draft
    draft_tokens             tokens drafted and checked
    accepted_tokens          those of them that the target chose as well
    accepted_tokens_per_pos  the same by position: [0] counts how often the first draft was right
    """

    num_drafts: int = 0
    draft_tokens: int = 0
    accepted_tokens: int = 0
    accepted_tokens_per_pos: list[int] = field(default_factory=list)

    def add(self, *, num_drafted: int, num_accepted: int) -> None:
        """Count one checked run of drafts. None drafted counts nothing."""
        assert 0 <= num_accepted <= num_drafted
        if not num_drafted:
            return
        self.num_drafts += 1
        self.draft_tokens += num_drafted
        self.accepted_tokens += num_accepted
        missing = num_drafted - len(self.accepted_tokens_per_pos)
        self.accepted_tokens_per_pos += [0] * missing
        for position in range(num_accepted):
            self.accepted_tokens_per_pos[position] += 1

    @property
    def acceptance_rate(self) -> float:
        """Accepted tokens of those drafted, 0 while there are none."""
        return self.accepted_tokens / self.draft_tokens if self.draft_tokens else 0.0
