"""A report of an experiment, for whoever has the link. Frozen figures; it knows nothing of its reader."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.accounts.middleware import PersonRequest
from webapp.experiments import results_wording as wording
from webapp.experiments.results_rows import groups_of
from webapp.experiments.services import reports
from webapp.experiments.services.figures import Figures
from webapp.sharing.headers import unlisted


@require_safe
@unlisted()
def report(request: PersonRequest, token: str) -> HttpResponse:
    opened = reports.opened(token)
    if opened is None:
        raise Http404
    figures = Figures.from_json(opened.figures)
    base = figures.arm(figures.base_id)
    context = {
        "figures": figures,
        "badge": wording.badge_label(figures),
        "badge_tone": wording.BADGE_TONES.get(figures.badge, "open"),
        "sentence": wording.badge_sentence(figures),
        "groups": groups_of(figures, "relative"),
        "base": base.name if base else "",
        "num_days": round(figures.days),
    }
    return render(request, "experiments/report.html", context)
