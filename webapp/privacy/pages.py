"""What the pages about a person's data show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.personal.models import Memory
from webapp.privacy import inventory
from webapp.privacy.models import DataExport, ErasureReceipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    label: str
    num: int
    why: str = ""


def your_data(person: User | None) -> dict[str, Any]:
    """Everything for the page; nothing is stored about somebody who has not written yet."""
    if person is None:
        return {"stored": [], "exports": []}
    exports = list(DataExport.objects.filter(person=person)[:5])
    stored = inventory.stored(person)
    return {
        "stored": stored,
        "empty": [line.kind.label for line in stored if not line.num],
        "num_records": inventory.num_records_kept(person),
        "told": _told(person),
        "memories": Memory.objects.filter(owner=person)[:5],
        "exports": exports,
        "is_making": any(export.state == DataExport.State.WAITING for export in exports),
    }


def _told(person: User) -> list[str]:
    """What the browser says of itself, as far as it does, and when it was here last."""
    device = {"phone": _("phone"), "tablet": _("tablet"), "desktop": _("computer")}.get(person.device, "")
    language = get_language_info(person.language)["name_local"] if person.language else ""
    day = f"{date_format(person.seen_on)} (UTC)" if person.seen_on else ""
    return [str(part) for part in (language, person.country, device, person.time_zone, day) if part]


def erased(receipt: ErasureReceipt) -> Sequence[Line]:
    return _lines(receipt.erased)


def kept(receipt: ErasureReceipt) -> Sequence[Line]:
    """With the reason for each."""
    lines = list(
        _lines({code: num for code, num in receipt.kept.items() if code != "records"}, why=_("Your account stays."))
    )
    if num := receipt.kept.get("records"):
        why = _("The record of what the staff did has no gaps. It names acts and an id, not words.")
        lines.append(Line(label=_("Entries in the record of the staff's acts"), num=num, why=why))
    return lines


def as_text(receipt: ErasureReceipt) -> str:
    """The receipt to keep."""
    lines = [
        _("Receipt %(id)s") % {"id": receipt.pk},
        f"{receipt.created_at:%Y-%m-%d %H:%M} UTC",
        _("Data wiped, account kept") if receipt.kind == ErasureReceipt.Kind.WIPE else _("Account deleted"),
        "",
        _("Erased:"),
        *(f"  {line.label}: {line.num}" for line in erased(receipt)),
    ]
    if receipt.kept:
        lines += ["", _("Kept:"), *(f"  {line.label}: {line.num}. {line.why}" for line in kept(receipt))]
    return "\n".join(lines) + "\n"


def _lines(counts: dict[str, int], why: str = "") -> Sequence[Line]:
    labels = {kind.code: str(kind.label) for kind in inventory.kinds()}
    return [Line(label=labels.get(code, code), num=num, why=why) for code, num in counts.items()]
