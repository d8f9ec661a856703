"""Has a picture drawn by the service that the operator has configured; without one there is no such tool.

What it is drawn from is read by the guard, whoever wrote it: the message and a model's call before this begins, other
words of the service's own here. Nothing looks at the picture.
"""

import asyncio
from functools import partial
from typing import Final

from assistant.errors import GuardUnavailable, PictureFailed, PictureWithheld
from assistant.ports import ChatMessage, DrawnPicture
from assistant.safety.verdict import Verdict
from assistant.tools.picture_wishes import wished_for
from assistant.tools.tool import Arguments, Drawing, Tool, ToolFailed, ToolResult, ToolServices, object_schema, text_of
from assistant.wording import Translate, gettext_noop

MAX_DESCRIPTION_CHARS: Final = 500
MAX_WISH_CHARS: Final = MAX_DESCRIPTION_CHARS + 200
GUARD_TIMEOUT_S: Final = 10.0
_DRAWN: Final = gettext_noop("Here is your picture.")


def tool(services: ToolServices) -> Tool | None:
    if services.drawing is None:
        return None
    return Tool(
        name="draw_picture",
        title="Drew a picture",
        description=(
            "Draws one picture from a description in words and shows it to the person above your answer. You do not "
            "see it. Use it only when the person asks for a picture."
        ),
        parameters=object_schema(description={"type": "string", "maxLength": MAX_DESCRIPTION_CHARS}),
        detect=detect,
        run=partial(run, services.drawing, services.translate),
        show=lambda arguments: str(arguments.get("description", "")),
        timeout_s=90.0,
        only_once=True,
    )


def detect(message: str) -> Arguments | None:
    """A message that asks for a picture and for nothing else: nobody's words go out unasked."""
    description = wished_for(message) if len(message) <= MAX_WISH_CHARS else ""
    return {"description": description} if 0 < len(description) <= MAX_DESCRIPTION_CHARS else None


async def run(drawing: Drawing, translate: Translate, arguments: Arguments) -> ToolResult:
    """What an earlier attempt at this answer has drawn from the same words is not drawn again."""
    description = text_of(arguments, "description", max_chars=MAX_DESCRIPTION_CHARS)
    try:
        picture = await drawing.album.kept(description)
        if picture is None:
            drawn = await _drawn(drawing, description)
            verdict = await _verdict(drawing, drawn.revised) if drawn.revised else None
            if verdict is not None and verdict.blocks:
                await drawing.album.withheld(verdict)
                raise PictureWithheld("the guard blocks the words of the service")
            picture = await drawing.album.keep(description, drawn)
    except (PictureFailed, GuardUnavailable) as error:
        raise ToolFailed(translate(error.user_text), is_answer=True) from error
    size = f"{picture.width} × {picture.height}"
    return ToolResult(text=translate(_DRAWN), short=size, is_answer=True, picture=picture)


async def _drawn(drawing: Drawing, description: str) -> DrawnPicture:
    """It is paid before: what is stopped or withheld has been drawn as well."""
    await drawing.album.pay()
    try:
        return await drawing.maker.draw(description)
    except PictureFailed:
        await drawing.album.give_back()
        raise


async def _verdict(drawing: Drawing, words: str) -> Verdict:
    try:
        async with asyncio.timeout(GUARD_TIMEOUT_S):
            return await drawing.guard.check((ChatMessage(role="user", text=words),))
    except TimeoutError as error:
        raise GuardUnavailable("no verdict came in time") from error
