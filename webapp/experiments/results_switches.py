"""The switches of a results page: each choice is a link to the same view with that one changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from webapp.experiments.models import Experiment, Metric, Phase
from webapp.experiments.results_health import slice_name
from webapp.experiments.results_query import SCALES, Look
from webapp.experiments.services.analysis import Analysis
from webapp.experiments.services.settled import settled_days
from webapp.experiments.services.slices import DIMENSIONS, counted


@dataclass(frozen=True, slots=True)
class Choice:
    label: str
    query: str
    is_chosen: bool


def phase_name(phase: Phase) -> str:
    """Of a holdout, whose phases begin by themselves, with the day."""
    if not phase.experiment.is_of_holdout:
        return str(phase)
    return _("Period %(num)d, from %(day)s") % {"num": phase.number, "day": date_format(phase.started_at)}


def switches_of(experiment: Experiment, analysis: Analysis, look: Look) -> list[tuple[str, Sequence[Choice]]]:
    """Each with a name and its choices, but those where there is nothing to choose."""
    scales = {"relative": _("relative"), "absolute": _("absolute"), "scaled": _("everybody, per day")}
    phases = list(experiment.phases.all())
    switches = [
        (_("Change"), [Choice(scales[scale], look.query(scale=scale), scale == look.scale) for scale in SCALES]),
        (
            _("Compared with"),
            [Choice(each.arm.name, look.query(base=each.arm), each.arm == analysis.base) for each in analysis.arms],
        ),
        (
            _("Period") if experiment.is_of_holdout else _("Phase"),
            [
                Choice(phase_name(phase), look.query(phase=phase, until=None), phase == analysis.phase)
                for phase in phases
            ],
        ),
        (_("People"), _parts(analysis, look)),
    ]
    return [(name, choices) for name, choices in switches if len(choices) > 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedLink:
    """An address that shows the same figures for good: of people who came up to a day."""

    day: date
    query: str


def fixed_link(analysis: Analysis, look: Look) -> FixedLink | None:
    """To what is shown if that stays, else to the newest figures that do; None while there are none, and of a part of
    the people, which two such links would tell too much of."""
    if analysis.phase is None or look.part:
        return None
    day = look.until or max(settled_days(analysis.phase), default=None)
    return FixedLink(day=day, query=look.query(phase=analysis.phase, until=day)) if day else None


def _parts(analysis: Analysis, look: Look) -> list[Choice]:
    if analysis.phase is None:
        return []
    metric = Metric.objects.filter(experiments__experiment=analysis.experiment).order_by("window_hours").first()
    found = counted(analysis.phase, metric) if metric else {}
    parts = [
        Choice(slice_name(part), look.query(part=part), part == look.part)
        for dimension in DIMENSIONS
        for part in found
        if part.dimension == dimension and sum(each.dimension == dimension for each in found) > 1
    ]
    return [Choice(_("everybody"), look.query(part=None), look.part is None), *parts]
