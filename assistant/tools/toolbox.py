"""The tools of one turn, and the steps taken with them.

Models that are good enough call tools themselves (`answer_call`). For smaller ones the detectors decide from the
message alone (`look`). Either way a result is data: it is cut to a length, and one that gives orders is left out.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from assistant.errors import RetrievalUnavailable
from assistant.personal import as_line
from assistant.ports import ChatMessage, ToolCall, ToolOffer
from assistant.safety.injection import FLAGGED_AT, suspicion
from assistant.tools.steps import Step
from assistant.tools.tool import Arguments, Tool, ToolFailed, ToolResult

logger = logging.getLogger(__name__)

MAX_SHOWN_CHARS: Final = 200
MAX_ASKED_CHARS: Final = 500
MAX_TRIES: Final = 3
_QUOTING: Final = frozenset({"library"})
_TAKES_TOO_LONG = "The tool took too long."
_IS_USED_UP = "This can be done once in an answer, and was done or tried already."
_GIVES_ORDERS = "What the tool found gives orders to its reader and was left out."


class StepJournal(Protocol):
    async def step(self, step: Step) -> None: ...


class Toolbox:
    """`steps` are those of an earlier attempt; `max_result_chars` is how much of a result the model is told."""

    def __init__(
        self, tools: Sequence[Tool], journal: StepJournal, *, steps: Sequence[Step] = (), max_result_chars: int = 2000
    ) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._journal = journal
        self._steps = list(steps)
        self._max_result_chars = max_result_chars

    @property
    def offers(self) -> tuple[ToolOffer, ...]:
        return tuple(tool.offer for tool in self._tools.values())

    @property
    def results(self) -> tuple[str, ...]:
        """What was found before the model was asked."""
        return tuple(step.text for step in self._steps if step.text and step.call is None)

    @property
    def call_messages(self) -> tuple[ChatMessage, ...]:
        """The model's calls with their results."""
        return tuple(message for step in self._steps for message in step.messages)

    @property
    def answer(self) -> str:
        """What answers the message as it stands, or ""."""
        return next((step.text for step in self._steps if step.is_answer and step.call is None), "")

    @property
    def quotes_nothing(self) -> bool:
        """Whether what answers the message was made of no passages, so that none of them is a source of it."""
        answers = [step for step in self._steps if step.is_answer and step.call is None]
        return bool(answers) and all(step.tool not in _QUOTING for step in answers)

    async def look(self, message: str) -> None:
        """Use the first tool that this message asks for, if one does."""
        for tool in self._tools.values():
            arguments = tool.detect(message)
            if arguments is not None:
                await self._use(tool, arguments)
                return

    async def answer_call(self, call: ToolCall) -> None:
        """Do what the model asks for. It is told of what goes wrong, too, and may try again."""
        tool = self._tools.get(call.name)
        arguments = _arguments(call)
        if tool is None or arguments is None:
            text = "There is no such tool." if tool is None else "The arguments are not a JSON object."
            step = Step(index=len(self._steps), tool=call.name[:40], title="", state="failed", text=text, call=call)
            await self._record(step)
            return
        await self._use(tool, arguments, call=call)

    async def remember(self, text: str, memory: str, *, answer: str = "") -> None:
        """Something was remembered, which is a step of its own; `answer` is all there is to say to it, or ""."""
        await self._record(
            Step(
                index=len(self._steps),
                tool="memory",
                title="Remembered",
                state="done",
                output=text[:MAX_SHOWN_CHARS],
                text=answer,
                is_answer=bool(answer),
                memory=memory,
            )
        )

    async def _use(self, tool: Tool, arguments: Arguments, *, call: ToolCall | None = None) -> None:
        begun = Step(index=len(self._steps), tool=tool.name, title=tool.title, input=_shown(tool, arguments), call=call)
        if tool.only_once and self._is_used_up(tool):
            await self._record(replace(begun, state="failed", text=_IS_USED_UP))
            return
        await self._record(begun)
        try:
            async with asyncio.timeout(tool.timeout_s):
                result = await tool.run(arguments)
        except (ToolFailed, RetrievalUnavailable) as error:
            is_answer = isinstance(error, ToolFailed) and error.is_answer
            await self._record(replace(begun, state="failed", text=_reason(error), is_answer=is_answer))
        except TimeoutError:
            await self._record(replace(begun, state="failed", text=_TAKES_TOO_LONG))
        except Exception:
            logger.exception("tool_failed", extra={"tool": tool.name})
            await self._record(replace(begun, state="failed", text="The tool failed."))
        else:
            await self._record(self._finished(begun, result))

    def _is_used_up(self, tool: Tool) -> bool:
        states = [step.state for step in self._steps if step.tool == tool.name]
        return "done" in states or len(states) >= MAX_TRIES

    def _finished(self, begun: Step, result: ToolResult) -> Step:
        if suspicion(result.text) >= FLAGGED_AT:
            logger.warning("tool_result_left_out", extra={"tool": begun.tool})
            return replace(begun, state="failed", text=_GIVES_ORDERS)
        return replace(
            begun,
            state="done",
            output=as_line(result.short)[:MAX_SHOWN_CHARS],
            text=result.text[: self._max_result_chars],
            is_answer=result.is_answer,
            picture=result.picture,
        )

    async def _record(self, step: Step) -> None:
        self._steps[step.index :] = [step]
        await self._journal.step(step)


def asked_for(call: ToolCall) -> str:
    """The words of a call, however they are written in JSON; what is no JSON as it stands."""
    arguments = _arguments(call)
    return call.arguments if arguments is None else "\n".join(map(str, arguments.values()))


def _arguments(call: ToolCall) -> Arguments | None:
    try:
        parsed = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _shown(tool: Tool, arguments: Arguments) -> str:
    """What the person sees of the arguments. A model may fill them with anything, which `run` then refuses."""
    try:
        return as_line(tool.show(arguments))[:MAX_ASKED_CHARS]
    except (ValueError, TypeError, OverflowError):
        return ""


def _reason(error: ToolFailed | RetrievalUnavailable) -> str:
    if isinstance(error, RetrievalUnavailable):
        return error.user_text
    return str(error) if error.is_answer else f"The tool could not do it: {error}."
