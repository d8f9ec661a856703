"""Where a turn is written down."""

from collections.abc import Sequence
from typing import Literal, Protocol

from assistant.events import Phase
from assistant.personal import Used
from assistant.ports import GenerationEnd, Passage
from assistant.reply import GrowingReply
from assistant.safety.code_badges import CodeBadge
from assistant.safety.verdict import Verdict
from assistant.tools.steps import Step
from assistant.window import Filled

Direction = Literal["input", "output"]


class Journal(Protocol):
    """First into the database, then into the turn log.

    Every call also says that this owner is alive, and raises TurnLost (webapp) when the turn has another owner or has
    ended meanwhile, which is also how a stop arrives.
    """

    def mark(self, stage: str) -> None:
        """Note when a stage was first reached, for the timings of the turn. Costs nothing."""
        ...

    async def phase(self, phase: Phase) -> None: ...

    async def alive(self) -> None: ...

    async def judged(self, direction: Direction, verdict: Verdict, start: int, end: int) -> None:
        """A verdict on the characters [start, end) of the message or the reply; what it has to say is shown."""
        ...

    async def used(self, used: Used) -> None:
        """What is personal in the prompt."""
        ...

    async def step(self, step: Step) -> None:
        """A tool begins or ends. May be called while another entry is being written."""
        ...

    async def quoted(self, passages: Sequence[Passage], filled: Filled) -> None:
        """The input has passed, and the prompt quotes these and takes so much of the window."""
        ...

    async def wrote(self, reply: GrowingReply) -> None: ...

    async def finished(self, reply: GrowingReply, end: GenerationEnd, code: Sequence[CodeBadge]) -> None: ...

    async def withheld(self, direction: Direction, verdict: Verdict, text: str) -> None:
        """Nothing of the answer is shown any more. `text` is all that was generated of it, shown or not."""
        ...
