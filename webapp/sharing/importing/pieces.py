"""What a thing said is put together from, as Markdown: words, code that was run, and notes of what stayed behind."""

import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from django.utils.translation import gettext as _

from webapp.sharing.importing.foreign import text

LeftOut = Literal["images", "files", "steps", "thoughts", "unknown"]

_LANGUAGE: Final = re.compile(r"[\w+#.-]{1,30}")
_BACKTICKS: Final = re.compile("`{3,}")


@dataclass(slots=True)
class Pieces:
    """Filled in the order of reading. `left_out` names each thing that is missing, also where no note stands for it."""

    left_out: list[LeftOut] = field(default_factory=list)
    _written: list[str] = field(default_factory=list)

    @property
    def markdown(self) -> str:
        return text("\n\n".join(self._written))

    def words(self, words: str) -> None:
        if words.strip():
            self._written.append(words)

    def code(self, source: str, language: Any) -> None:
        """A block of code. A fence of its own length, so that nothing in the source ends it."""
        if not source.strip():
            return
        name = language if isinstance(language, str) and _LANGUAGE.fullmatch(language) else ""
        fence = "`" * max([3, *(len(run) + 1 for run in _BACKTICKS.findall(source))])
        self._written.append(f"{fence}{name}\n{source.strip(chr(10))}\n{fence}")

    def image(self) -> None:
        left_out = _("An image, not in the export")
        self._missing("images", left_out)

    def file(self, name: str) -> None:
        left_out = _("A file, not in the export")
        self._missing("files", f"{left_out}: {name}" if name else left_out)

    def drawn(self) -> None:
        """A file from anywhere is no place to take a picture from that is shown as drawn here."""
        left_out = _("A picture, not taken along")
        self._missing("images", left_out)

    def _missing(self, kind: LeftOut, note: str) -> None:
        self.left_out.append(kind)
        self._written.append(f"*({note})*")
