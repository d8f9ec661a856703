"""The JSON of a response: one message with one part of text."""

import time
import uuid
from typing import Any

from inference.engine.request import End
from inference.errors import RequestRefused
from inference.server.response_request import ResponseRequest

IN_PROGRESS, COMPLETED, INCOMPLETE, FAILED = "in_progress", "completed", "incomplete", "failed"


class ResponseJson:
    """Tells a client about its response, at any moment of it."""

    def __init__(self, wanted: ResponseRequest, *, response_id: str, model_id: str) -> None:
        self._wanted = wanted
        self._response_id = response_id
        self._model_id = model_id
        self._message_id = f"msg_{uuid.uuid4().hex}"
        self._created = int(time.time())

    @property
    def place(self) -> dict[str, Any]:
        """Which part of which message is meant."""
        return {"item_id": self._message_id, "output_index": 0, "content_index": 0}

    def part(self, text: str) -> dict[str, Any]:
        """The part of text."""
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def message(self, text: str, status: str, *, parts: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """The message, with its part of text unless other `parts` are given."""
        content = [self.part(text)] if parts is None else parts
        return {
            "id": self._message_id,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        }

    def response(self, text: str, end: End | None) -> dict[str, Any]:
        """The whole response, complete if it has its `end`."""
        if end is None:
            return self._response(IN_PROGRESS, [])
        status = INCOMPLETE if end.finish_reason == "length" else COMPLETED
        details = {"reason": "max_output_tokens"} if status == INCOMPLETE else None
        output = [self.message(text, status)]
        return self._response(status, output, incomplete_details=details, usage=_usage(end))

    def failed(self, text: str, refusal: RequestRefused) -> dict[str, Any]:
        """The response as far as it came."""
        error = {"code": "server_error", "message": refusal.message}
        return self._response(FAILED, [self.message(text, INCOMPLETE)], error=error)

    def _response(self, status: str, output: list[dict[str, Any]], **rest: Any) -> dict[str, Any]:
        wanted = self._wanted
        return {
            "id": self._response_id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": wanted.instructions,
            "max_output_tokens": wanted.max_tokens,
            "model": self._model_id,
            "output": output,
            "parallel_tool_calls": False,
            "previous_response_id": None,
            "store": False,
            "temperature": wanted.sampling.temperature,
            "text": {"format": wanted.text_format},
            "tool_choice": "none",
            "tools": [],
            "top_p": wanted.sampling.top_p,
            "truncation": "disabled",
            "usage": None,
            "user": wanted.caller.user or None,
            "metadata": wanted.metadata,
            **rest,
        }


def _usage(end: End) -> dict[str, Any]:
    return {
        "input_tokens": end.prompt_tokens,
        "input_tokens_details": {"cached_tokens": end.cached_tokens},
        "output_tokens": end.reply_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": end.prompt_tokens + end.reply_tokens,
    }
