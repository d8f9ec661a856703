"""The image port over a server that speaks OpenAI's images API, for operators who have one.

What comes is a picture inside the answer or nothing: an address, which such a server may send in its place, is never
followed. It is told by its first bytes and not by what the server says it is.
"""

import asyncio
import base64
import json
import logging
import re
from typing import Any

import httpx

from assistant.errors import NotAPicture, PictureFailed, PictureRefused, PictureTooLarge
from assistant.ports import DrawnPicture
from webapp.picture_headers import header_of

logger = logging.getLogger(__name__)

TIMEOUT_S = 75.0
MAX_PICTURE_BYTES = 6 * 2**20
MAX_ANSWER_BYTES = 8 * 2**20 + 2**16
"""The picture, a third longer as text, and what stands around it."""
MAX_REVISED_CHARS = 8000
_REFUSALS = frozenset({"content_policy_violation", "moderation_blocked", "content_filter"})
_ALWAYS_INSIDE = "gpt-image"
"""Models with such a name send pictures inside the answer only, and refuse to be asked for it."""


class OpenAIImages:
    """`url` is the address of the server, without `/v1`. With no `model` the server chooses."""

    def __init__(self, url: str, *, model: str, api_key: str, size: str, timeout_s: float = TIMEOUT_S) -> None:
        self._url = f"{url}/v1/images/generations"
        # What comes packed may be of any size once it is unpacked: it is not unpacked, and so no answer.
        self._headers = {"Accept-Encoding": "identity"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._asked = {"n": 1, "size": size} | ({"model": model} if model else {})
        if not model.startswith(_ALWAYS_INSIDE):
            self._asked["response_format"] = "b64_json"
        self._timeout_s = timeout_s

    async def draw(self, description: str) -> DrawnPicture:
        try:
            async with asyncio.timeout(self._timeout_s):
                return _picture(await self._answer(description))
        except (httpx.HTTPError, TimeoutError) as error:
            logger.warning("picture_failed", extra={"error": type(error).__name__})
            raise PictureFailed(type(error).__name__) from error
        except PictureFailed as error:
            logger.warning("picture_failed", extra={"error": error.code, "why": str(error)})
            raise

    async def _answer(self, description: str) -> Any:
        """The JSON of a good answer. Raises PictureFailed for every other."""
        body = {**self._asked, "prompt": description}
        async with (
            httpx.AsyncClient(timeout=self._timeout_s, headers=self._headers) as client,
            client.stream("POST", self._url, json=body) as response,
        ):
            read = bytearray()
            async for chunk in response.aiter_raw():
                read += chunk
                if len(read) > MAX_ANSWER_BYTES:
                    raise PictureTooLarge("the answer is too long")
        try:
            answer = json.loads(read)
        except (ValueError, RecursionError):
            answer = None
        if response.status_code != httpx.codes.OK:
            code = _error_code(answer)
            kind = PictureRefused if code in _REFUSALS else PictureFailed
            raise kind(f"status {response.status_code} {code}".strip())
        return answer


def _picture(answer: Any) -> DrawnPicture:
    try:
        (found, *_) = answer["data"]
        content = base64.b64decode(found["b64_json"], validate=True)
        revised = found.get("revised_prompt") or ""
        revised.encode()  # half of a surrogate pair cannot be sent to the guard
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NotAPicture("there is none in the answer") from None
    if len(content) > MAX_PICTURE_BYTES:
        raise PictureTooLarge("the picture is too large")
    header = header_of(content)
    # What cannot be read to its end by the guard counts as not read.
    if header is None or len(revised) > MAX_REVISED_CHARS:
        raise NotAPicture("it is of no kind that is shown")
    return DrawnPicture(
        content=content, media_type=header.media_type, width=header.width, height=header.height, revised=revised
    )


def _error_code(answer: Any) -> str:
    """The code of an error, if it is one: whatever else a server says may repeat the person's words."""
    error = answer.get("error") if isinstance(answer, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and re.fullmatch(r"[a-z_]{1,60}", code) else ""
