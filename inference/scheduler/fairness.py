"""Whose waiting request comes next: urgent ones first, and within a priority the users take turns.

Deficit round robin (Shreedhar and Varghese 1995) on tokens. Each user has an account; whatever is computed for them, of
prompts and of replies, is taken from it. Only a user whose account is not overdrawn may start another request; when
nobody who waits may, all of them are given a round's worth. So somebody who sends a hundred requests, or long ones,
waits for themselves and not in front of others.

    accounts   ada +40   bob -300   eve +256          ada starts one; eve next; bob after two more rounds
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

ROUND_TOKENS = 256


class Waiting(Protocol):
    """What the queue has to know of a request."""

    @property
    def user(self) -> str: ...

    @property
    def priority(self) -> int: ...


W = TypeVar("W", bound=Waiting)


class FairQueue(Generic[W]):
    """Waiting requests. Those of one user and priority keep their order."""

    def __init__(self) -> None:
        # By priority, then by user in the order of their turns.
        self._lines: dict[int, OrderedDict[str, deque[W]]] = {}
        self._accounts: dict[str, int] = {}

    def __len__(self) -> int:
        # Any thread may ask, for metrics; a list of values is taken at once, while the dictionaries change.
        return sum(len(line) for lines in list(self._lines.values()) for line in list(lines.values()))

    def __iter__(self) -> Iterator[W]:
        for priority in sorted(self._lines):
            for line in self._lines[priority].values():
                yield from line

    def add(self, request: W, *, at_front: bool = False) -> None:
        """Wait behind one's own earlier requests; `at_front` of them for one that had been started before."""
        lines = self._lines.setdefault(request.priority, OrderedDict())
        line = lines.setdefault(request.user, deque())
        if at_front:
            line.appendleft(request)
            lines.move_to_end(request.user, last=False)
        else:
            line.append(request)
        self._accounts.setdefault(request.user, 0)

    def peek(self) -> W | None:
        """The request whose turn it is."""
        if not self._lines:
            return None
        lines = self._lines[min(self._lines)]
        self._give_round(lines)
        for user, line in lines.items():
            if self._accounts[user] >= 0:
                return line[0]
        raise AssertionError("a round makes somebody solvent")

    def pop(self) -> W:
        """Take out the request whose turn it is. There must be one."""
        request = self.peek()
        assert request is not None
        self._remove_first(request)
        return request

    def charge(self, user: str, num_tokens: int) -> None:
        """Tokens were computed for this user."""
        if user in self._accounts:
            self._accounts[user] -= num_tokens

    def forget_idle(self, is_busy: Callable[[str], bool]) -> None:
        """Close the accounts of users who neither wait nor run: nothing is saved up, and no debt is kept for ever."""
        waiting = {user for lines in self._lines.values() for user in lines}
        for user in [user for user in self._accounts if user not in waiting and not is_busy(user)]:
            del self._accounts[user]

    def remove(self, is_unwanted: Callable[[W], bool]) -> list[W]:
        """Take out all requests of which this is true."""
        unwanted = [request for request in self if is_unwanted(request)]
        for request in unwanted:
            self._lines[request.priority][request.user].remove(request)
        self._drop_empty()
        return unwanted

    def _give_round(self, lines: OrderedDict[str, deque[W]]) -> None:
        richest = max(self._accounts[user] for user in lines)
        if richest < 0:
            rounds = -(richest // ROUND_TOKENS)
            for user in lines:
                self._accounts[user] += rounds * ROUND_TOKENS

    def _remove_first(self, request: W) -> None:
        lines = self._lines[request.priority]
        taken = lines[request.user].popleft()
        assert taken is request
        lines.move_to_end(request.user)  # the next turn is another's
        self._drop_empty()

    def _drop_empty(self) -> None:
        for priority, lines in list(self._lines.items()):
            for user in [user for user, line in lines.items() if not line]:
                del lines[user]
            if not lines:
                del self._lines[priority]
