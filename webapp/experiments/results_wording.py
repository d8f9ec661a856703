"""Numbers and verdicts in words, for people who would rather look than read."""

import math
from collections.abc import Callable, Sequence

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from assistant.experiments.intervals import Interval
from assistant.experiments.recommendation import min_days
from webapp.experiments.plots import Tone
from webapp.experiments.services.figures import Figures, RowFigures
from webapp.experiments.services.rows import MIN_SHOWN

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
            return _("Worth it") if figures.is_of_holdout else _("Ship")
        case "roll_back":
            return _("It did harm") if figures.is_of_holdout else _("Roll back")
        case "small_gain":
            return _("Better, but by less than is worth it")
        case "no_difference":
            return _("No difference worth having")
        case "review":
            return _("Ready for review")
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
            said = _("“%(arm)s” is certainly better at: %(metrics)s.") % {"arm": name, "metrics": _better(rows)}
            return " ".join(filter(None, (said, _of_guardrails(rows))))
        case "roll_back":
            worse = ", ".join(row.metric for row in rows if row.verdict in ("broken", "worse"))
            return _("“%(arm)s” is certainly worse at: %(metrics)s.") % {"arm": name, "metrics": worse}
        case "small_gain":
            better = _better(rows)
            words = _("“%(arm)s” is certainly better at: %(metrics)s; and certainly by less than was worth shipping.")
            return " ".join(filter(None, (words % {"arm": name, "metrics": better}, _of_guardrails(rows))))
        case "no_difference":
            return _("Whatever “%(arm)s” gains is less than what was worth shipping.") % {"arm": name}
        case "review":
            return f"{_time_over(figures)} {_so_far(figures, rows, name)}"
        case "unhealthy":
            return _("The people are not divided as planned, or saw several arms, so no figure here can be trusted.")
        case "no_data":
            return _("Nobody’s time has ended yet, so there is nothing to compare.")
    if _better(rows):
        return _so_far(figures, rows, name)
    return _("Nothing is certain yet in either direction. You may look as often as you like.")


def _better(rows: Sequence[RowFigures]) -> str:
    return ", ".join(row.metric for row in rows if row.role == "goal" and row.verdict == "better")


def _time_over(figures: Figures) -> str:
    return _("It has ended.") if figures.days < figures.planned_days else _("The planned time is over.")


def _so_far(figures: Figures, rows: Sequence[RowFigures], name: str) -> str:
    """What is certain, and what is missing to ship it without a second thought."""
    if not _better(rows):
        return _("Nothing is certain in either direction.")
    said = [_("“%(arm)s” is certainly better at: %(metrics)s.") % {"arm": name, "metrics": _better(rows)}]
    if not any(_is_worth_it(row) for row in rows):
        said.append(_("Whether by as much as was worth shipping is not certain."))
    unclear = ", ".join(row.metric for row in rows if row.role == "guardrail" and row.verdict != "safe")
    if unclear:
        words = _(
            "These could still be worse than tolerated: %(metrics)s. Whoever ships now says why it is worth that."
        )
        said.append(words % {"metrics": unclear})
    least = min_days(figures.planned_days)
    if figures.days < least:
        words = ngettext(
            "It takes %(num)d day, as one day is not like another.",
            "It takes %(num)d days, as one day is not like another.",
            least,
        )
        said.append(words % {"num": least})
    return " ".join(said)


def _is_worth_it(row: RowFigures) -> bool:
    """As `recommend` has it: by the middle of what it could be."""
    middle = (row.difference_low + row.difference_high) / 2 * (1 if row.is_better_up else -1)
    return row.role == "goal" and row.verdict == "better" and middle >= row.margin


def _of_guardrails(rows: Sequence[RowFigures]) -> str:
    """None is broken, as an arm with a broken one is not to be shipped."""
    guardrails = [row for row in rows if row.role == "guardrail"]
    num_unclear = sum(row.verdict != "safe" for row in guardrails)
    if not guardrails:
        return ""
    if not num_unclear:
        return _("All guardrails are within limits.")
    return ngettext(
        "No guardrail is certainly broken, but %(num)d is not certain yet.",
        "No guardrail is certainly broken, but %(num)d are not certain yet.",
        num_unclear,
    ) % {"num": num_unclear}


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


def interval_words(interval: Interval, unit: str, *, is_relative: bool, is_alike: bool = False) -> str:
    """`is_alike`: within both arms everybody is alike, which says nothing of how much people differ."""
    if is_alike and math.isinf(interval.low) and math.isinf(interval.high):
        return _("not known, as nobody differs from the others of their arm yet")
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


def hidden_words() -> str:
    return _("not shown: fewer than %(num)d people, here or in the rest") % {"num": MIN_SHOWN}


def described(row: RowFigures, arm: str) -> str:
    """A row for somebody who does not see the plot."""
    return _("%(arm)s, change %(change)s, interval %(interval)s: %(verdict)s") % {
        "arm": arm,
        "change": change(row.difference, row.unit, is_relative=False),
        "interval": interval_words(row.of_difference, row.unit, is_relative=False, is_alike=row.is_alike),
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
    return number_format(round(value, digits), decimal_pos=digits, force_grouping=True).replace("-", "−")
