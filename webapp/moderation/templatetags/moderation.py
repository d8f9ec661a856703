"""How categories, shares, times and acts are said on the staff's pages."""

from datetime import timedelta

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from assistant.safety.taxonomy import plain_name
from webapp.moderation.models import AuditEntry, Case, Review
from webapp.moderation.services.consequences import FAILURES

register = template.Library()

ACTS = {
    "claim": gettext_lazy("%(who)s took it on"),
    "unclaim": gettext_lazy("%(who)s gave it back"),
    "escalate": gettext_lazy("%(who)s escalated it"),
    "reopen": gettext_lazy("%(who)s opened it again"),
    "decide": gettext_lazy("%(who)s decided: %(outcome)s, consequence: %(consequence)s"),
    "undo": gettext_lazy("%(who)s took the decision back"),
    "note": gettext_lazy("%(who)s left a note"),
    "look": gettext_lazy("%(who)s read the conversation"),
    "look_blind": gettext_lazy("%(who)s read the conversation for a second review"),
    "look_personal_data": gettext_lazy("%(who)s read the conversation with personal data"),
    "look_picture": gettext_lazy("%(who)s looked at a picture"),
    "second_review": gettext_lazy("%(who)s gave a second review"),
}


@register.filter
def category_name(category: str) -> str:
    return _(plain_name(category)) if category else _("no category")


@register.filter
def percent(share: float) -> str:
    return f"{share:.0%}"


@register.filter
def duration(time: timedelta) -> str:
    """In the largest unit that leaves a number above one."""
    minutes = time.total_seconds() / 60
    if minutes < 90:
        return _("%(num)d min") % {"num": round(minutes)}
    if minutes < 36 * 60:
        return _("%(num)d h") % {"num": round(minutes / 60)}
    return _("%(num)d days") % {"num": round(minutes / (24 * 60))}


@register.filter
def told(act: AuditEntry) -> str:
    """One act on a case as a sentence. The name is who it was, or Cria."""
    details = {
        "who": act.actor.display_name if act.actor else "Cria",
        "outcome": dict(Case.Outcome.choices).get(act.details.get("outcome"), ""),
        "consequence": dict(Review.Consequence.choices).get(act.details.get("consequence"), ""),
    }
    sentence = str(ACTS.get(act.action, act.action)) % details
    alone = _("the only moderator")
    return f"{sentence} ({alone})" if act.details.get("sole_moderator") else sentence


@register.filter
def why_not(failure: str) -> str:
    """Why a consequence could not be carried out."""
    return str(FAILURES.get(failure, failure))
