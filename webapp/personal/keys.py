"""The keyboard shortcuts that people can change: what each does, which keys it has, and which keys will not do.

Keys are written as "mod shift o": `mod` is Control, or Command on Apple's systems; then alt, shift, and one key, named
by what stands on it without Shift. "" is no keys.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Shortcut:
    label: Promise
    keys: str


SHORTCUTS: Mapping[str, Shortcut] = {
    "new_chat": Shortcut(_("New chat"), "mod shift o"),
    "search": Shortcut(_("Search, or go anywhere"), "mod k"),
    "sidebar": Shortcut(_("Open or close the sidebar"), "mod shift s"),
    "previous": Shortcut(_("Previous question"), "alt ↑"),
    "next": Shortcut(_("Next question"), "alt ↓"),
    "copy_answer": Shortcut(_("Copy the last answer"), "mod shift c"),
    "copy_code": Shortcut(_("Copy the last code"), "mod shift ;"),
    "field": Shortcut(_("Go to the message field"), "shift Esc"),
    "list": Shortcut(_("The list of keys"), "mod /"),
}
# A browser keeps the first ones to itself; the others are how one works with text.
TAKEN = frozenset({"mod n", "mod t", "mod w", "mod shift n", "mod shift t", "mod shift w", "mod q", "mod l", "mod r"})
TAKEN |= {"mod c", "mod v", "mod x", "mod a", "mod z", "mod y", "mod shift z", "mod shift v"}

_WELL_FORMED = re.compile(r"(mod )?(alt )?(shift )?([^\sA-Z]|Esc|F[1-9]|F1[0-2])")


def bindings(chosen: Mapping[str, str]) -> dict[str, str]:
    """The keys of every shortcut, for somebody who chose these."""
    return {name: chosen.get(name, shortcut.keys) for name, shortcut in SHORTCUTS.items()}


def is_usable(keys: str) -> bool:
    """Keys that a page is told of, and that nobody presses while writing."""
    if not _WELL_FORMED.fullmatch(keys) or keys in TAKEN:
        return False
    return keys.startswith(("mod ", "alt ")) or re.search(r"\bF\d+$", keys) is not None or keys == "shift Esc"
