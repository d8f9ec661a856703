"""The health of an experiment as a few lamps with words."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from assistant.experiments.health import MULTIPLE_EXPOSURE_LIMIT
from webapp.experiments.models import Phase
from webapp.experiments.plots import Tone
from webapp.experiments.services.analysis import Analysis
from webapp.experiments.services.ground import changed_beneath
from webapp.experiments.services.slices import Slice


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp:
    title: str
    words: str
    tone: Tone


def lamps_of(analysis: Analysis) -> list[Lamp]:
    """None while nobody has been in it."""
    found = analysis.health.overall
    if found is None:
        return []
    planned = " : ".join(str(arm.weight) for arm in analysis.arms)
    counts = " : ".join(f"{arm.n:,}".replace(",", "\u202f") for arm in analysis.arms)
    several = f"{found.exposed_to_several:.2%}".replace("%", " %")
    return [
        Lamp(
            title=_("Arms as large as planned"),
            words=_("%(counts)s people, planned %(planned)s") % {"counts": counts, "planned": planned},
            tone="bad" if found.has_mismatch else "good",
        ),
        Lamp(
            title=_("One arm for each person"),
            words=_("%(share)s saw a second one; up to %(limit)s is harmless")
            % {"share": several, "limit": f"{MULTIPLE_EXPOSURE_LIMIT:.0%}".replace("%", " %")},
            tone="bad" if found.is_mixed_up else "good",
        ),
        _beforehand(analysis),
        _parts(analysis.health.slices),
        *([ground_lamp(analysis.phase)] if analysis.phase else []),
    ]


def ground_lamp(phase: Phase) -> Lamp:
    times = changed_beneath(phase)
    words = ngettext(
        "production changed %(num)d time in what only some arms set, at last on %(day)s; a new phase begins cleanly",
        "production changed %(num)d times in what only some arms set, at last on %(day)s; a new phase begins cleanly",
        len(times),
    )
    return Lamp(
        title=_("On firm ground"),
        words=words % {"num": len(times), "day": date_format(times[-1])}
        if times
        else _("what arms leave as in production stayed as it was"),
        tone="bad" if times else "good",
    )


def slice_name(part: Slice) -> str:
    """Says by itself which dimension it is of."""
    match part.dimension, part.value:
        case "is_guest", True:
            return _("guests")
        case "is_guest", _:
            return _("members")
        case "is_new", True:
            return _("new people")
        case "is_new", _other:
            return _("people from before")
    if part.dimension == "language":
        return dict(settings.LANGUAGES).get(str(part.value)) or str(part.value) or _("language unknown")
    return str(part.value) or _("device unknown")


def _beforehand(analysis: Analysis) -> Lamp:
    differed = analysis.health.imbalanced
    return Lamp(
        title=_("Alike before it began"),
        words=_("differed beforehand: %(metrics)s") % {"metrics": ", ".join(metric.name for metric in differed)}
        if differed
        else _("no metric differed in the two weeks before"),
        tone="bad" if differed else "good",
    )


def _parts(parts: Sequence[Slice]) -> Lamp:
    return Lamp(
        title=_("In every part of the people"),
        words=_("not as planned among: %(parts)s") % {"parts": ", ".join(map(slice_name, parts))}
        if parts
        else _("by language, device, guests and newcomers"),
        tone="bad" if parts else "good",
    )
