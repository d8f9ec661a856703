"""A reply as OpenAI's stream tells it: text in pieces, calls with their arguments in pieces."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from inference.engine.request import Piece, PositionLogprobs
from inference.text.calls import CallBegun, CallReader, Content, Part
from inference.text.tools import ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """What is new. The ids are those read since the delta before; where they say several things, the first has them."""

    fields: dict[str, Any]
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[PositionLogprobs, ...] = ()


class ReplyDeltas:
    """Tells one reply. `names` are the functions that were offered."""

    def __init__(self, names: Collection[str]) -> None:
        self._reader = CallReader(names)
        self._untold: list[Piece] = []

    @property
    def is_call(self) -> bool:
        """Whether the reply so far has calls, and none that is half written."""
        return self._reader.is_call

    def push(self, piece: Piece) -> list[Delta]:
        """What may be told now."""
        self._untold.append(piece)
        parts = self._reader.push(piece.text)
        return self._deltas([_fields(part) for part in parts])

    def finish(self) -> list[Delta]:
        """What is left; the last one, to which the reason for the end belongs, has ids at most."""
        return self._deltas([*(_fields(part) for part in self._reader.finish()), {}])

    def _deltas(self, all_fields: Sequence[dict[str, Any]]) -> list[Delta]:
        if not all_fields:
            return []
        untold, self._untold = self._untold, []
        first = Delta(
            fields=all_fields[0],
            token_ids=tuple(token_id for piece in untold for token_id in piece.token_ids),
            logprobs=tuple(at for piece in untold for at in piece.logprobs),
        )
        return [first, *(Delta(fields=fields) for fields in all_fields[1:])]


def _fields(part: Part) -> dict[str, Any]:
    match part:
        case Content():
            return {"content": part.text}
        case CallBegun():
            begun = call_json(ToolCall(name=part.name, arguments=""))
            return {"tool_calls": [{"index": part.index, **begun}]}
        case _:
            return {"tool_calls": [{"index": part.index, "function": {"arguments": part.text}}]}


def call_json(call: ToolCall) -> dict[str, Any]:
    """OpenAI's form of a call, with an id of its own."""
    return {
        "id": f"call_{uuid.uuid4().hex[:24]}",
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }
