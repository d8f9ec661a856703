"""Telling calls from text while a reply is still being written.

A reply that is a call is JSON from its first character on. So what begins otherwise is text and goes out at once; what
does begin so is held until the reply is complete, and then is a call, or text after all.
"""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from inference.engine.request import Piece
from inference.text.tools import OPENERS, ToolCall, parse_calls


class CallReader:
    """Reads one reply. `names` are the functions that were offered; without any, everything is text."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._held: list[Piece] = []
        self._is_text: bool | None = None if names else True  # None until something is written

    def push(self, piece: Piece) -> Piece | None:
        """What may be shown now."""
        if self._is_text:
            return piece
        self._held.append(piece)
        if self._is_text is None and (begun := piece.text.lstrip()):
            self._is_text = not begun.startswith(OPENERS)
        return self._release() if self._is_text else None

    def finish(self) -> tuple[tuple[ToolCall, ...], Piece | None]:
        """The calls that the reply is, and what was held back; the text of the latter has been shown or is a call."""
        held = self._release()
        return parse_calls(held.text, self._names) if held else (), held

    def _release(self) -> Piece | None:
        held, self._held = self._held, []
        if not held:
            return None
        return Piece(
            request_id=held[0].request_id,
            text="".join(piece.text for piece in held),
            token_ids=tuple(token_id for piece in held for token_id in piece.token_ids),
            logprobs=tuple(at for piece in held for at in piece.logprobs),
        )


def tool_calls_json(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    """OpenAI's form, each call with an id of its own."""
    return [
        {
            "id": f"call_{uuid.uuid4().hex[:24]}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in calls
    ]
