"""What speaks for shipping an arm and what against it, in sentences, from the figures."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from webapp.experiments import results_wording as wording
from webapp.experiments.services.figures import Figures, RowFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """`advice` is the badge of this arm; whoever ships on another than "ship" does so against it."""

    arm: str
    advice: str
    pro: tuple[str, ...]
    contra: tuple[str, ...]
    figures: Figures

    @property
    def is_against_shipping(self) -> bool:
        return self.advice != "ship"

    def to_json(self) -> dict[str, Any]:
        return {
            "arm": self.arm,
            "advice": self.advice,
            "for": list(self.pro),
            "against": list(self.contra),
            "figures": self.figures.to_json(),
        }


def evidence_on(figures: Figures, arm_id: int, *, advice: str) -> Evidence:
    arm = figures.arm(arm_id)
    of_arm = [row for row in figures.rows if row.arm_id == arm_id]
    rows = [row for row in of_arm if not row.is_hidden]
    pro = [_said(row) for row in rows if row.verdict in ("better", "safe")]
    contra = [_said(row) for row in rows if row.verdict in ("worse", "broken", "no_difference")]
    contra += [_unclear(row) for row in rows if row.verdict == "unclear" and row.role != "secondary"]
    contra += [
        _too_little(row) for row in rows if row.role == "goal" and row.verdict == "better" and not _is_worth(row)
    ]
    contra += [
        _("%(metric)s: %(why)s.") % {"metric": row.metric, "why": wording.hidden_words()}
        for row in of_arm
        if row.is_hidden
    ]
    if not figures.is_healthy:
        contra.insert(
            0, _("The people are not divided as planned, or saw several arms, so no figure here can be trusted.")
        )
    if not of_arm:
        contra.append(_("Nobody’s time has ended yet, so there is nothing to compare."))
    if figures.days < figures.planned_days:
        contra.append(
            _("It ran for %(days)s of %(planned)d planned days, so a weekday may weigh more than it should.")
            % {"days": f"{figures.days:.1f}", "planned": figures.planned_days}
        )
    return Evidence(arm=arm.key if arm else "", advice=advice, pro=tuple(pro), contra=tuple(contra), figures=figures)


def _said(row: RowFigures) -> str:
    return _("%(metric)s: %(verdict)s, %(change)s (%(interval)s).") % {
        "metric": row.metric,
        "verdict": wording.verdict_word(row.verdict),
        "change": wording.change(row.difference, row.unit, is_relative=False),
        "interval": _interval(row),
    }


def _unclear(row: RowFigures) -> str:
    words = {"metric": row.metric, "interval": _interval(row)}
    if row.role == "guardrail":
        return _("%(metric)s could still be worse than tolerated (%(interval)s).") % words
    return _("%(metric)s: whether it is better is not certain (%(interval)s).") % words


def _is_worth(row: RowFigures) -> bool:
    """All that it could be is at least what was worth shipping."""
    least = row.difference_low if row.is_better_up else -row.difference_high
    return least >= row.margin


def _too_little(row: RowFigures) -> str:
    words = _("%(metric)s: better, but %(worth)s was worth shipping, and it may be less (%(interval)s).")
    worth = wording.change(row.margin if row.is_better_up else -row.margin, row.unit, is_relative=False)
    return words % {"metric": row.metric, "worth": worth, "interval": _interval(row)}


def _interval(row: RowFigures) -> str:
    return wording.interval_words(row.of_difference, row.unit, is_relative=False, is_alike=row.is_alike)
