"""What a turn is given: what is known of it, and the numbers it runs by."""

from dataclasses import dataclass, field

from assistant.guarded import Streaming
from assistant.personal import Personal
from assistant.ports import ChatMessage, Passage
from assistant.prompt_text import SYSTEM_PROMPT
from assistant.reply import Written
from assistant.safety.policy import CodeRule
from assistant.tools.steps import Step
from assistant.window import Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is known of a turn when a worker takes it up.

    history        the conversation, oldest first; the last message is the one to answer
    context        what of it the guard reads before that message, or None for all
    summary        what stands in the prompt for the oldest of it; the guard reads these as they are
    written        what an earlier owner wrote of the reply
    input_checked  whether the message may be answered without asking the guard about it: it has passed, or was released
    passages       what the prompt quotes, or None if the library was not searched yet
    system_prompt  as the model reads it, its variables filled in
    canary         the mark in the system prompt; "" for none
    personal       what the person wants and what is remembered; of memories, those that were used once there are any
    remembers      whether what the message asks to be remembered may be kept
    steps          the tools that were used so far
    num_given      how many tokens of `written` are those of an earlier reply that this one continues
    """

    history: tuple[ChatMessage, ...]
    written: Written
    input_checked: bool
    passages: tuple[Passage, ...] | None
    seed: int
    system_prompt: str = SYSTEM_PROMPT
    canary: str = ""
    num_given: int = 0
    personal: Personal = field(default_factory=Personal)
    remembers: bool = False
    steps: tuple[Step, ...] = ()
    summary: Summary | None = None
    context: tuple[ChatMessage, ...] | None = None

    @property
    def judged(self) -> tuple[ChatMessage, ...]:
        """The message to answer, for the guard."""
        return self.history if self.context is None else (*self.context, self.history[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnConfig:
    """
    passage_tokens   how many tokens of the prompt passages may take; None: a third of what is left, which is the most
    calls_tools      whether the model is good enough to call tools itself, and to see what is of no use in its notes
    code             what is done about code in the answer
    guard_late_s     a verdict that takes longer stops the text, and the person is told that it is being checked
    guard_timeout_s  one that takes this long will not come: the guard counts as away
    """

    context_tokens: int
    max_reply_tokens: int
    temperature: float
    top_p: float
    num_passages: int
    flush_interval_s: float
    streaming: Streaming = "buffered"
    passage_tokens: int | None = None
    calls_tools: bool = False
    code: CodeRule = "warn"
    guard_late_s: float = 2.0
    guard_timeout_s: float = 30.0

    @property
    def prompt_tokens(self) -> int:
        """What is left of the window for the prompt."""
        return self.context_tokens - self.max_reply_tokens
