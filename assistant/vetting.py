"""What a person wrote for every answer is read by the guard like a message of theirs before it stands in a prompt."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from assistant.personal import Personal, Used


async def vetted(personal: Personal, used: Used, blocks: Callable[[str], Awaitable[bool]]) -> Personal:
    """`personal` without what the guard blocks; `used` is what of it would stand in the prompt.

    One look at all of it together is mostly enough. Otherwise each piece is looked at by itself; what is taken amiss in
    none of them but in all together is left out as a whole.
    """
    pieces = [personal.about_me, personal.answer_style, *(memory.text for memory in used.memories)]
    pieces = [piece for piece in pieces if piece.strip()]
    if not pieces or not await blocks("\n".join(pieces)):
        return personal
    unfit = {piece for piece in pieces if await blocks(piece)} or set(pieces)
    return replace(
        personal,
        about_me="" if personal.about_me in unfit else personal.about_me,
        answer_style="" if personal.answer_style in unfit else personal.answer_style,
        memories=tuple(memory for memory in used.memories if memory.text not in unfit),
    )
