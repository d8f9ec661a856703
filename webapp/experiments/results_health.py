"""The health of an experiment as a few lamps with words."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from assistant.experiments.health import MULTIPLE_EXPOSURE_LIMIT
from webapp.experiments import results_wording as wording
from webapp.experiments.models import Phase
from webapp.experiments.plots import Tone
from webapp.experiments.services import checklist, layers, servers
from webapp.experiments.services.analysis import Analysis
from webapp.experiments.services.ground import changed_beneath, shipped_since
from webapp.experiments.services.pauses import paused
from webapp.experiments.services.slices import Slice


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp:
    title: str
    words: str
    tone: Tone


def lamps_of(analysis: Analysis) -> list[Lamp]:
    """None while nobody has been in it."""
    found, phase = analysis.health.overall, analysis.phase
    if found is None or phase is None:
        return []
    planned = " : ".join(str(arm.weight) for arm in analysis.arms)
    if analysis.periods:
        planned = _("by the shares of each period")
    counts = " : ".join(f"{arm.n:,}".replace(",", "\u202f") for arm in analysis.arms)
    words = _("%(counts)s people, planned %(planned)s") % {"counts": counts, "planned": planned}
    several = f"{found.exposed_to_several:.2%}".replace("%", " %")
    return [
        Lamp(
            title=_("Arms as large as planned"),
            words=words if phase.has_past or not found.has_mismatch else f"{words}; {_comes_back()}",
            tone="bad" if found.has_mismatch else "good",
        ),
        Lamp(
            title=_("One arm for each person"),
            words=_("%(share)s saw a second one; up to %(limit)s is harmless")
            % {"share": several, "limit": f"{MULTIPLE_EXPOSURE_LIMIT:.0%}".replace("%", " %")},
            tone="bad" if found.is_mixed_up else "good",
        ),
        *([_beforehand(analysis)] if phase.has_past else []),
        _parts(analysis.health.slices),
        *_pauses(phase),
        *_servers(analysis),
        *_shared(analysis),
        shipped_lamp(phase) if phase.experiment.is_of_holdout else ground_lamp(phase),
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


def shipped_lamp(phase: Phase) -> Lamp:
    """Of a holdout: what is compared is what was shipped."""
    times = shipped_since(phase)
    words = ngettext(
        "production changed %(num)d time since it began, at last on %(day)s",
        "production changed %(num)d times since it began, at last on %(day)s",
        len(times),
    )
    return Lamp(
        title=_("Something to compare"),
        words=words % {"num": len(times), "day": date_format(times[-1])}
        if times
        else _("nothing was shipped since it began, so both sides get the same"),
        tone="good" if times else "bad",
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


def _comes_back() -> str:
    """Why one side of a holdout may be too large in its later periods, when both have had weeks to differ."""
    return _("what was shipped may itself bring people back or drive them away; look at new people alone")


def _beforehand(analysis: Analysis) -> Lamp:
    differed = analysis.health.imbalanced
    return Lamp(
        title=_("Alike before it began"),
        words=_("differed beforehand: %(metrics)s") % {"metrics": ", ".join(metric.name for metric in differed)}
        if differed
        else _("no metric differed in the two weeks before"),
        tone="bad" if differed else "good",
    )


def _pauses(phase: Phase) -> list[Lamp]:
    """None where no pause is in anybody's time."""
    found = paused(phase)
    if found is None:
        return []
    words = _(
        "it was paused for %(time)s, which is part of the time of %(share)s of the people: they got what is in "
        "production then, so a change looks smaller than it is"
    )
    said = words % {"time": _time_words(found.days), "share": wording.number(found.share, "share")}
    return [Lamp(title=_("Without a pause"), words=said, tone="bad")]


def _servers(analysis: Analysis) -> list[Lamp]:
    """None where no arm asks for one, and once it is over."""
    names = sorted({each.arm.endpoint for each in analysis.arms if each.arm.endpoint})
    if not names or analysis.experiment.is_over:
        return []
    missed = servers.missing(each.arm for each in analysis.arms)
    words = _("not in the settings: %(names)s; the usual model would answer in its place")
    return [
        Lamp(
            title=_("Model servers there"),
            words=words % {"names": ", ".join(missed)} if missed else ", ".join(names),
            tone="bad" if missed else "good",
        )
    ]


def _shared(analysis: Analysis) -> list[Lamp]:
    """People who are in others now; not in those that change the same, as nobody is in two of these."""
    experiment = analysis.experiment
    if experiment.is_over or experiment.is_of_holdout:
        return []
    mine = checklist.touched(experiment)
    others = [each for each in layers.overlapping(experiment) if mine.isdisjoint(checklist.touched(each.other))]
    text = _("about %(num)d people are in “%(name)s”, too")
    said = [text % {"num": round(analysis.num_people * each.share), "name": each.other.name} for each in others]
    if not said:
        return []
    words = _("%(others)s; in all arms alike, by chance") % {"others": "; ".join(said)}
    return [Lamp(title=_("Beside other experiments"), words=words, tone="good")]


def _time_words(days: float) -> str:
    hours = max(1, round(days * 24))
    if hours < 48:
        return ngettext("%(num)d hour", "%(num)d hours", hours) % {"num": hours}
    return ngettext("%(num)d day", "%(num)d days", round(days)) % {"num": round(days)}


def _parts(parts: Sequence[Slice]) -> Lamp:
    return Lamp(
        title=_("In every part of the people"),
        words=_("not as planned among: %(parts)s") % {"parts": ", ".join(map(slice_name, parts))}
        if parts
        else _("by language, device, guests and newcomers"),
        tone="bad" if parts else "good",
    )
