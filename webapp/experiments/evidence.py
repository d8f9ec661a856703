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
    rows = [row for row in figures.rows if row.arm_id == arm_id]
    pro = [_said(row) for row in rows if row.verdict in ("better", "safe")]
    contra = [_said(row) for row in rows if row.verdict in ("worse", "broken", "no_difference")]
    contra += [_unclear(row) for row in rows if row.verdict == "unclear" and row.role != "secondary"]
    if not figures.is_healthy:
        contra.insert(
            0, _("The people are not divided as planned, or saw several arms, so no figure here can be trusted.")
        )
    if not rows:
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
        "interval": wording.interval_words(row.of_difference, row.unit, is_relative=False),
    }


def _unclear(row: RowFigures) -> str:
    words = {"metric": row.metric, "interval": wording.interval_words(row.of_difference, row.unit, is_relative=False)}
    if row.role == "guardrail":
        return _("%(metric)s could still be worse than tolerated (%(interval)s).") % words
    return _("%(metric)s: whether it is better is not certain (%(interval)s).") % words
