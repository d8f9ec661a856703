"""The table of a results page and of a report: figures as texts and plots."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from assistant.experiments.intervals import Interval
from webapp.experiments import results_wording as wording
from webapp.experiments.plots import Mark, interval_plot, reach
from webapp.experiments.results_query import Scale
from webapp.experiments.services.figures import ArmFigures, Figures, RowFigures

ROLES = ("goal", "guardrail", "secondary")
NO_SCALE = frozenset({"ratio", "quantile"})
"""Kinds that are no sum over people, so that there is none over all of them either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowShown:
    """`num_rows`: how many rows, one for each arm, the metric begins with this one; 0 where it began before."""

    figures: RowFigures
    arm: str
    arm_key: str
    num_rows: int
    base_value: str
    value: str
    change: str
    interval: str
    chance: str
    verdict: str
    tone: str
    plot: SafeString
    p_value: str
    adjusted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The metrics of a role."""

    role: str
    title: str
    note: str
    rows: tuple[RowShown, ...]


def groups_of(figures: Figures, scale: Scale, *, people_per_day: float = 0.0) -> list[Group]:
    """All roles that have a metric. `scaled` shows what a change comes to for everybody who comes on a day."""
    found = []
    for role in ROLES:
        rows = [row for row in figures.rows if row.role == role]
        if rows:
            shown = _shown(rows, figures, scale, people_per_day)
            found.append(
                Group(role=role, title=wording.role_word(role), note=_notes(rows, figures.alpha), rows=tuple(shown))
            )
    return found


def measured(row: RowFigures, scale: Scale, people_per_day: float) -> tuple[float, Interval, bool]:
    """The change as it is asked for, with its interval, and whether it is relative.

    Of rare things, or where the lift has no end on either side, the plain difference says more.
    """
    if scale == "scaled" and row.kind not in NO_SCALE:
        ends = Interval(low=row.difference_low * people_per_day, high=row.difference_high * people_per_day)
        return row.difference * people_per_day, ends, False
    has_lift = math.isfinite(row.lift) and not (math.isinf(row.lift_low) and math.isinf(row.lift_high))
    if scale == "relative" and has_lift and not row.is_rare:
        return row.lift, row.of_lift, True
    return row.difference, row.of_difference, False


def _shown(rows: Sequence[RowFigures], figures: Figures, scale: Scale, people_per_day: float) -> list[RowShown]:
    shown = [row for row in rows if not row.is_hidden]
    half = reach([_mark(row, scale, people_per_day) for row in shown if measured(row, scale, people_per_day)[2]])
    found, before = [], 0
    for row in rows:
        arm = figures.arm(row.arm_id)
        same = [each for each in rows if each.metric_id == row.metric_id]
        value, interval, is_relative = measured(row, scale, people_per_day)
        unit = "count" if scale == "scaled" and row.kind not in NO_SCALE else row.unit
        found.append(
            RowShown(
                figures=row,
                arm=arm.name if arm else "",
                arm_key=arm.key if arm else "",
                num_rows=len(same) if row.metric_id != before else 0,
                base_value=wording.number(row.base_value, row.unit),
                value=wording.number(row.value, row.unit),
                change=wording.change(value, unit, is_relative=is_relative),
                interval=wording.hidden_words()
                if row.is_hidden
                else wording.interval_words(interval, unit, is_relative=is_relative, is_alike=row.is_alike),
                chance=wording.chance(row.chance),
                verdict=wording.verdict_word(row.verdict),
                tone=wording.TONES[row.verdict],
                plot=SafeString("")
                if row.is_hidden
                else _plot(row, arm, scale, people_per_day, half if is_relative else None),
                p_value="" if row.is_hidden else wording.p_value(row.p_value),
                adjusted="" if math.isnan(row.adjusted_p_value) else wording.p_value(row.adjusted_p_value),
            )
        )
        before = row.metric_id
    return found


def _plot(
    row: RowFigures, arm: ArmFigures | None, scale: Scale, people_per_day: float, half: float | None
) -> SafeString:
    """Relative changes of a group share their axis; what has a unit of its own has an axis of its own."""
    mark = _mark(row, scale, people_per_day)
    tolerated = _tolerated(row, scale, people_per_day)
    return interval_plot(
        mark,
        half=half or reach([mark], *(tolerated or ())),
        tolerated=tolerated,
        title=row.metric,
        text=wording.described(row, arm.name if arm else ""),
    )


def _mark(row: RowFigures, scale: Scale, people_per_day: float) -> Mark:
    value, interval, _is_relative = measured(row, scale, people_per_day)
    return Mark(value=value, interval=interval, tone=wording.TONES[row.verdict])


def _tolerated(row: RowFigures, scale: Scale, people_per_day: float) -> tuple[float, float] | None:
    """What a guardrail may lose, or what a goal must gain, from zero on the axis."""
    if not row.margin:
        return None
    _value, _interval, is_relative = measured(row, scale, people_per_day)
    if is_relative:
        size = row.margin / abs(row.base_value) if row.base_value else 0.0
    else:
        size = row.margin * (people_per_day if scale == "scaled" and row.kind not in NO_SCALE else 1.0)
    is_upwards = row.is_better_up == (row.role != "guardrail")
    return (0.0, size) if is_upwards else (-size, 0.0)


def _notes(rows: Sequence[RowFigures], alpha: float) -> str:
    weighted = list(dict.fromkeys(row.metric for row in rows if row.num_strata > 1 and not row.is_hidden))
    if not weighted:
        return _note(rows, alpha)
    said = _(
        "People are compared with those who were like them in language, device, guests and newcomers when they came: "
        "%(metrics)s."
    )
    return f"{_note(rows, alpha)} {said % {'metrics': ', '.join(weighted)}}"


def _note(rows: Sequence[RowFigures], alpha: float) -> str:
    level = f"{1 - rows[0].level:.1%}".replace("%", " %").replace(".0", "")
    if rows[0].role == "goal":
        said = _("Intervals at %(level)s, which hold for all goals and arms together, on every day you look.")
        more = _("So do adjusted p-values (Holm), to be compared with %(alpha)s.")
        return f"{said % {'level': level}} {more % {'alpha': f'{alpha:g}'}}"
    if rows[0].role == "guardrail":
        return _("Intervals at %(level)s on every day you look. The band is what is tolerated.") % {"level": level}
    return _("Intervals at %(level)s each. Among many, some differ by chance.") % {"level": level}
