"""What fills the window of the model, and what stands in a prompt in the place of turns that have no room."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What was said in the first `num_messages` of a conversation, in a few sentences of a model's."""

    text: str
    num_messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """How much of the `room` for a prompt each of its parts takes, in tokens as the prompt counts them.

    `instructions` is all that the system message holds, `documents` what was looked up for the question.
    """

    room: int
    instructions: int
    summary: int = 0
    earlier: int = 0
    memories: int = 0
    documents: int = 0
    question: int = 0

    @property
    def total(self) -> int:
        return self.instructions + self.summary + self.earlier + self.memories + self.documents + self.question
