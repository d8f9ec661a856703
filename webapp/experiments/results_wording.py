"""Numbers and verdicts in words, for people who would rather look than read."""

import math
from collections.abc import Callable

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from assistant.experiments.intervals import Interval
from webapp.experiments.plots import Tone
from webapp.experiments.services.figures import Figures, RowFigures

Said = Callable[[float], str]

TONES: dict[str, Tone] = {
    "better": "good",
    "safe": "good",
    "worse": "bad",
    "broken": "bad",
    "no_difference": "open",
    "unclear": "open",
}
BADGE_TONES = {"ship": "good", "roll_back": "bad", "unhealthy": "bad"}


def badge_label(figures: Figures) -> str:
    match figures.badge:
        case "ship":
            return _("Ship")
        case "roll_back":
            return _("Roll back")
        case "no_difference":
            return _("No difference worth having")
        case "unhealthy":
            return _("Unhealthy")
        case "no_data":
            return _("No data yet")
    if not figures.days_left:
        return _("Undecided")
    return ngettext("Keep running, about %(num)d day", "Keep running, about %(num)d days", figures.days_left) % {
        "num": figures.days_left
    }


def badge_sentence(figures: Figures) -> str:
    """Why, in one plain sentence."""
    leader = figures.arm(figures.leader_id)
    name = leader.name if leader else ""
    rows = [row for row in figures.rows if row.arm_id == figures.leader_id]
    match figures.badge:
        case "ship":
            better = ", ".join(row.metric for row in rows if row.role == "goal" and row.verdict == "better")
            return _("“%(arm)s” is certainly better at: %(metrics)s. No guardrail is broken.") % {
                "arm": name,
                "metrics": better,
            }
        case "roll_back":
            worse = ", ".join(row.metric for row in rows if row.verdict in ("broken", "worse"))
            return _("“%(arm)s” is certainly worse at: %(metrics)s.") % {"arm": name, "metrics": worse}
        case "no_difference":
            return _("Whatever “%(arm)s” gains is less than what was worth shipping.") % {"arm": name}
        case "unhealthy":
            return _("The people are not divided as planned, or saw several arms, so no figure here can be trusted.")
        case "no_data":
            return _("Nobody’s time has ended yet, so there is nothing to compare.")
    if not figures.days_left:
        if figures.days < figures.planned_days:
            return _("It has ended, and nothing is certain in either direction.")
        return _("The planned time is over, and nothing is certain in either direction.")
    return _("Nothing is certain yet in either direction. You may look as often as you like.")


def verdict_word(verdict: str) -> str:
    return {
        "better": _("better"),
        "worse": _("worse"),
        "no_difference": _("no difference worth having"),
        "unclear": _("not certain yet"),
        "broken": _("beyond the limit"),
        "safe": _("within limits"),
    }[verdict]


def role_word(role: str) -> str:
    return {"goal": _("Goals"), "guardrail": _("Guardrails"), "secondary": _("Also measured")}[role]


def number(value: float, unit: str) -> str:
    """A value of a metric."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    match unit:
        case "share":
            return f"{_signed(value * 100, _digits(value * 100))} %"
        case "ms":
            return f"{_signed(value / 1000, 2)} s" if abs(value) >= 1000 else f"{_signed(value, 0)} ms"
    return _signed(value, _digits(value))


def change(value: float, unit: str, *, is_relative: bool) -> str:
    """A difference, with its sign. Of shares it is in points, so that nobody takes it for a share of the control."""
    if not math.isfinite(value):
        return number(value, unit)
    sign = "+" if value > 0 else ""
    if is_relative:
        return f"{sign}{_signed(value * 100, _digits(value * 100))} %"
    if unit == "share":
        points = _("points")
        return f"{sign}{_signed(value * 100, _digits(value * 100))} {points}"
    return f"{sign}{number(value, unit)}"


def interval_words(interval: Interval, unit: str, *, is_relative: bool) -> str:
    if math.isinf(interval.low) and math.isinf(interval.high):
        return _("could be anything")
    low, high = (change(end, unit, is_relative=is_relative) for end in (interval.low, interval.high))
    if math.isinf(interval.high):
        return _("at least %(low)s") % {"low": low}
    if math.isinf(interval.low):
        return _("at most %(high)s") % {"high": high}
    return between(low, high)


def between(low: str, high: str) -> str:
    """The unit is said once."""
    value, space, unit = low.rpartition(" ")
    if space and high.endswith(f" {unit}"):
        low = value
    return _("%(low)s to %(high)s") % {"low": low, "high": high}


def chance(value: float) -> str:
    """Never quite certain: more than two digits of it would be made up."""
    if math.isnan(value):
        return "–"
    if value > 0.999:
        return "> 99.9 %"
    return "< 0.1 %" if value < 0.001 else number(value, "share")


def p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def described(row: RowFigures, arm: str) -> str:
    """A row for somebody who does not see the plot."""
    return _("%(arm)s, change %(change)s, interval %(interval)s: %(verdict)s") % {
        "arm": arm,
        "change": change(row.difference, row.unit, is_relative=False),
        "interval": interval_words(row.of_difference, row.unit, is_relative=False),
        "verdict": verdict_word(row.verdict),
    }


def _digits(value: float) -> int:
    """So many that about three figures can be read."""
    size = abs(value)
    if size >= 100 or size == 0:
        return 0
    if size >= 10:
        return 1
    return 2 if size >= 0.1 else 3


def _signed(value: float, digits: int) -> str:
    return number_format(value, decimal_pos=digits, force_grouping=True).replace("-", "−")
