"""Reading what a client sends, within limits, and noticing that it is gone."""

import json
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request

from inference.errors import InvalidRequest


class BodyTooLarge(InvalidRequest):
    """413: the body is larger than this server takes."""

    status = 413
    code = "request_too_large"


async def read_json(request: Request) -> Any:
    """The body as JSON. Raises InvalidRequest, and BodyTooLarge before more than the limit has been held."""
    limit: int = request.app.state.max_body_bytes
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > limit:
                raise BodyTooLarge(f"The body may have at most {limit} bytes.")
    except ClientDisconnect:
        raise InvalidRequest("The body is incomplete.") from None
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not valid JSON.", code="invalid_json") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


async def when_disconnected(request: Request) -> None:
    """Returns when the client has gone away. The body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
