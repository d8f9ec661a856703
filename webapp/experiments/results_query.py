"""What a results page shows, as its address says it: so every view of it has a link."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, get_args
from urllib.parse import urlencode

from django.http import QueryDict

from webapp.experiments.models import Arm, Experiment, Phase
from webapp.experiments.services.settled import settled_days
from webapp.experiments.services.slices import DIMENSIONS, Dimension, Slice
from webapp.experiments.services.snapshots import ANYBODY, Where

Scale = Literal["relative", "absolute", "scaled"]
SCALES: tuple[Scale, ...] = get_args(Scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """
    phase   None: the last one
    base    the arm the others are compared with; None: the control
    part    the people looked at; None: everybody
    until   a settled day, by which they came; None: as of now. Only of everybody
    """

    phase: Phase | None = None
    base: Arm | None = None
    scale: Scale = "relative"
    part: Slice | None = None
    until: date | None = None

    @property
    def is_whole(self) -> bool:
        """Everybody, compared with the control."""
        return self.part is None and (self.base is None or self.base.is_control)

    @property
    def where(self) -> Where:
        return self.part.where if self.part else ANYBODY

    def query(self, **changes: Any) -> str:
        """The address of the same view with these changes."""
        changed = replace(self, **changes)
        pairs = {
            "phase": changed.phase.number if changed.phase else None,
            "base": changed.base.key if changed.base else None,
            "show": changed.scale if changed.scale != "relative" else None,
            "part": part_name(changed.part) if changed.part else None,
            "until": changed.until if changed.until and not changed.part else None,
        }
        return "?" + urlencode({name: value for name, value in pairs.items() if value is not None})


def look_of(experiment: Experiment, query: QueryDict) -> Look:
    """From an address. What is unknown in it is left out, as the address may be older than what it names."""
    number = query.get("phase", "")
    phase = experiment.phases.filter(number=int(number[:4])).first() if number.isdecimal() else None
    part = _part(query.get("part", ""))
    return Look(
        phase=phase,
        base=experiment.arms.filter(key=query["base"]).first() if query.get("base") else None,
        scale=next((scale for scale in SCALES if scale == query.get("show")), "relative"),
        part=part,
        until=None if part else _until(phase or experiment.phases.last(), query.get("until", "")),
    )


def part_name(part: Slice) -> str:
    value = part.value if isinstance(part.value, str) else ("yes" if part.value else "no")
    return f"{part.dimension}:{value}"


def _until(phase: Phase | None, day: str) -> date | None:
    """The settled day that was asked for, or the last one before it."""
    if phase is None or not day:
        return None
    return max((settled for settled in settled_days(phase) if settled.isoformat() <= day), default=None)


def _part(name: str) -> Slice | None:
    asked, _colon, value = name.partition(":")
    dimension: Dimension | None = next((known for known in DIMENSIONS if known == asked), None)
    if dimension is None:
        return None
    if dimension in ("is_guest", "is_new"):
        return Slice(dimension, value == "yes") if value in ("yes", "no") else None
    return Slice(dimension, value[:8])
