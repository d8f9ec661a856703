"""The steps of an answer: which tools were used, in order, and what they found."""

from dataclasses import dataclass

from assistant.events import StepState
from assistant.ports import ChatMessage, KeptPicture, ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """
    input, output  what a person is shown of the arguments and the result
    text           what the model is told of the result
    is_answer      whether `text` answers the message as it stands
    call           the model's call, if it was the model that asked
    memory         the id of what was remembered
    picture        what was drawn
    """

    index: int
    tool: str
    title: str
    state: StepState = "running"
    input: str = ""
    output: str = ""
    text: str = ""
    is_answer: bool = False
    call: ToolCall | None = None
    memory: str = ""
    picture: KeptPicture | None = None

    @property
    def messages(self) -> tuple[ChatMessage, ...]:
        """The model's call and its result, as the model is told of them."""
        if self.call is None:
            return ()
        asked = ChatMessage(role="assistant", text="", calls=(self.call,))
        return asked, ChatMessage(role="tool", text=self.text, call_id=self.call.id)
