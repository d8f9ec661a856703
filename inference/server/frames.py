"""JSON as clients get it: whole, as the events of a stream, and as OpenAI's error object."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.responses import JSONResponse

from inference.errors import RequestRefused


def json_text(content: object) -> str:
    """JSON that can be sent: half a surrogate pair, which a client may have sent us escaped, stays escaped."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(content, allow_nan=False, separators=(",", ":"))
    return text


class Json(JSONResponse):
    """A response of JSON."""

    def render(self, content: Any) -> bytes:
        return json_text(content).encode()


def server_sent(content: Mapping[str, Any], *, event: str = "") -> str:
    """One event of a stream, with a name if it has one."""
    line = f"data: {json_text(content)}\n\n"
    return f"event: {event}\n{line}" if event else line


async def framed(chunks: AsyncIterator[dict[str, Any]]) -> AsyncIterator[str]:
    """Each chunk as an event, then [DONE]; a refusal on the way is the last event instead."""
    try:
        async for chunk in chunks:
            yield server_sent(chunk)
        yield "data: [DONE]\n\n"
    except RequestRefused as refusal:
        yield server_sent(error_body(refusal))


def error_body(refusal: RequestRefused) -> dict[str, Any]:
    """OpenAI's error object."""
    return _error(refusal.message, refusal.kind, refusal.param, refusal.code)


def error_response(status: int, message: str, *, kind: str = "invalid_request_error", code: str | None = None) -> Json:
    """A response with OpenAI's error object."""
    return Json(_error(message, kind, None, code), status_code=status)


def _error(message: str, kind: str, param: str | None, code: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
