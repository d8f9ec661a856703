"""An answer with a picture, without a server that draws."""

import dataclasses

from assistant.ports import DrawnPicture, KeptPicture
from assistant.tools.steps import Step
from tests.image_server import png
from webapp.chat.models import Picture, Reply
from webapp.chat.services.pictures import _sha

WISH = "a llama in a hat"
DRAWN = DrawnPicture(content=png(), media_type="image/png", width=64, height=48)


def draw(reply: Reply, description: str = WISH, *, content: bytes = DRAWN.content) -> Picture:
    """The row that is kept, and the step that shows it."""
    picture = Picture.objects.create(
        reply=reply,
        asked_sha=_sha(description),
        media_type=DRAWN.media_type,
        width=DRAWN.width,
        height=DRAWN.height,
        num_bytes=len(content),
        content=content,
    )
    shown = KeptPicture(id=str(picture.pk), width=picture.width, height=picture.height)
    step = Step(
        index=0,
        tool="draw_picture",
        title="Drew a picture",
        state="done",
        input=description,
        output="64 × 48",
        text="Here is your picture.",
        is_answer=True,
        picture=shown,
    )
    reply.steps = [dataclasses.asdict(step)]
    reply.save(update_fields=["steps"])
    return picture
