"""What the engine asks of those who guess: some tokens that may come next, as ids, or none."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceView:
    """One running request as a proposer sees it. Nothing in it is copied, and nothing may be changed.

        0                          num_prompt         num_computed   len(tokens)
        |  prompt                    |  reply so far       |  chosen last  |  drafts would stand here

    tokens        prompt and reply, all chosen; drafts are no part of it
    num_prompt    how many of them are the prompt
    num_computed  how many the target model has computed; one less than all tokens while a reply is written
    block_ids     the target's blocks; drafts of a model are limited to what these have room for
    cache_salt    whose request this is: texts are never shared between two of these
    """

    request_id: str
    tokens: Sequence[int]
    num_prompt: int
    num_computed: int
    block_ids: Sequence[int] = ()
    cache_salt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRows:
    """Rows [row, row + num_rows) of the last batch are `view`'s positions from `position` on, and were kept.

    Drafts that were not chosen are not kept. `view` is that after the step: it has a token after each of the rows.
    """

    view: SequenceView
    row: int
    num_rows: int
    position: int


class Proposer(Protocol):
    """A source of drafts. Called between two steps, by one thread."""

    def propose_all(self, views: Sequence[SequenceView], nums: Sequence[int]) -> list[list[int]]:
        """For every view at most so many tokens that may follow its last one; fewer or none are no failure."""
        ...

    def observe(self, kept: Sequence[KeptRows]) -> None:
        """The target has computed a step, of prompts as well: this is what remains of it, one entry a request."""
        ...

    def learn(self, view: SequenceView) -> None:
        """A reply is complete. What stands in it may help later ones."""
        ...

    def forget(self, request_id: str) -> None:
        """The request ended, or lost its blocks. Unknown ids are no error."""
        ...


class LookupProposer(ABC):
    """A proposer that looks at one sequence at a time and costs next to nothing."""

    @abstractmethod
    def propose(self, view: SequenceView, num_tokens: int) -> list[int]:
        """At most `num_tokens` tokens that may follow the last one of `view`."""

    def propose_all(self, views: Sequence[SequenceView], nums: Sequence[int]) -> list[list[int]]:
        return [self.propose(view, num) if num > 0 else [] for view, num in zip(views, nums, strict=True)]

    def observe(self, kept: Sequence[KeptRows]) -> None:  # noqa: B027 - most look at the text when they are asked
        """Nothing, unless overridden."""

    def learn(self, view: SequenceView) -> None:  # noqa: B027 - most have nothing to learn
        """Nothing, unless overridden."""

    @abstractmethod
    def forget(self, request_id: str) -> None:
        """Drop what is kept for this request."""


class FirstAnswer:
    """Asks several proposers in order; each sees only the requests for which those before it had nothing."""

    def __init__(self, proposers: Sequence[Proposer]) -> None:
        self._proposers = proposers

    def propose_all(self, views: Sequence[SequenceView], nums: Sequence[int]) -> list[list[int]]:
        answers: list[list[int]] = [[] for _ in views]
        for proposer in self._proposers:
            open_ones = [i for i, answer in enumerate(answers) if not answer and nums[i] > 0]
            if not open_ones:
                break
            found = proposer.propose_all([views[i] for i in open_ones], [nums[i] for i in open_ones])
            for i, drafts in zip(open_ones, found, strict=True):
                answers[i] = drafts
        return answers

    def observe(self, kept: Sequence[KeptRows]) -> None:
        for proposer in self._proposers:
            proposer.observe(kept)

    def learn(self, view: SequenceView) -> None:
        for proposer in self._proposers:
            proposer.learn(view)

    def forget(self, request_id: str) -> None:
        for proposer in self._proposers:
            proposer.forget(request_id)


def most_drafts(num_tokens: int, *, max_total_tokens: int, max_context: int) -> int:
    """How many drafts make sense for a sequence of `num_tokens`, prompt included.

    k accepted drafts are followed by one more token, so the last of `max_total_tokens` needs no draft; and the drafts
    are computed, so they must lie in the context.
    """
    return max(0, min(max_total_tokens - num_tokens - 1, max_context - num_tokens))


def cut_after_stop(drafts: Sequence[int], stop_ids: Collection[int]) -> list[int]:
    """The drafts up to and with the first stop token: nothing is said after it, and a grammar has ended there."""
    end = next((i + 1 for i, token_id in enumerate(drafts) if token_id in stop_ids), len(drafts))
    return list(drafts[:end])
