"""GPT-2's printable spelling of bytes, in which GGUF and tokenizer.json write their vocabularies.

Every byte has one printable character: itself where printable, else the next free one from U+0100. "Ġ" is a space.
"""


def _printable_bytes() -> dict[str, int]:
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    table = {chr(byte): byte for byte in printable}
    others = (byte for byte in range(256) if byte not in set(printable))
    return table | {chr(256 + offset): byte for offset, byte in enumerate(others)}


_BYTES = _printable_bytes()
_SPELLINGS = {byte: char for char, byte in _BYTES.items()}


def spell_bytes(token: bytes) -> str:
    """The printable spelling of a token."""
    return "".join(_SPELLINGS[byte] for byte in token)


def unmap_bytes(spelling: str) -> bytes | None:
    """The bytes behind a printable spelling, or None if it is not one (then it is a name, not a token of text)."""
    try:
        return bytes(_BYTES[char] for char in spelling)
    except KeyError:
        return None
