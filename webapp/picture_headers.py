"""What a file says of itself in its first bytes, if it is a picture that browsers show. Nothing in it is decoded."""

from dataclasses import dataclass
from typing import Final

MAX_SIDE: Final = 4096
"""A file of some kilobytes can unpack into gigabytes in the browser of whoever looks at it."""
_PNG: Final = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_JPEG: Final = b"\xff\xd8\xff"
_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers of a JPEG that are followed by its size; the three among them are tables."""


@dataclass(frozen=True, slots=True)
class Header:
    """Sides are in pixels."""

    media_type: str
    width: int
    height: int


def header_of(content: bytes) -> Header | None:
    """None for anything but a PNG, JPEG or WebP of a size that can be shown."""
    if content.startswith(_PNG):
        media_type, sides = "image/png", (_big(content[16:20]), _big(content[20:24]))
    elif content.startswith(_JPEG):
        media_type, sides = "image/jpeg", _jpeg_sides(content)
    elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        media_type, sides = "image/webp", _webp_sides(content)
    else:
        return None
    return Header(media_type, *sides) if all(0 < side <= MAX_SIDE for side in sides) else None


def _jpeg_sides(content: bytes) -> tuple[int, int]:
    """From segment to segment, each of which says how long it is, to the one with the size."""
    at = 2
    while content[at : at + 1] == b"\xff" and len(content) > at + 8:
        marker = content[at + 1]
        if marker in _FRAME:
            return _big(content[at + 7 : at + 9]), _big(content[at + 5 : at + 7])
        at += 1 if marker == 0xFF else 2 + _big(content[at + 2 : at + 4])
    return 0, 0


def _webp_sides(content: bytes) -> tuple[int, int]:
    """Of the three forms that there are, each with its own way to say it."""
    match content[12:16]:
        case b"VP8 " if content[23:26] == b"\x9d\x01\x2a":
            return _little(content[26:28]) & 0x3FFF, _little(content[28:30]) & 0x3FFF
        case b"VP8L" if content[20:21] == b"\x2f":
            bits = _little(content[21:25])
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X" if len(content) >= 30:
            return _little(content[24:27]) + 1, _little(content[27:30]) + 1
    return 0, 0


def _big(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _little(raw: bytes) -> int:
    return int.from_bytes(raw, "little")
