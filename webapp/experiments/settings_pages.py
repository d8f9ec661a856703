"""What the pages of settings show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.utils.formats import localize
from django.utils.translation import gettext as _

from webapp.experiments.models import ProductionChange, SettingsVersion
from webapp.experiments.models.serving import Serving
from webapp.experiments.services import ground, production
from webapp.experiments.services.stepping_back import NothingBefore
from webapp.experiments.setting_names import NAMES, named

NUM_CHANGES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One setting: what everybody has, and what the version says. Empty: as the site has it."""

    name: str
    now: object
    then: object

    @property
    def differs(self) -> bool:
        return self.now != self.then


def said(row: Serving) -> str:
    """What a row sets, in a line."""
    found = ", ".join(f"{name}: {localize(value)}" for name, value in named(production.values_of(row)))
    return found or _("all as the site has it")


def in_force() -> Mapping[str, Any]:
    """What everybody is served with, what it can go back to, and how it came to be so."""
    newest = production.newest()
    shown: dict[str, Any] = {
        "newest": newest,
        "settings": list(named(production.in_force())),
        "changes": [(change, said(change)) for change in production.history(NUM_CHANGES)],
    }
    try:
        before = production.before()
    except NothingBefore:
        return shown
    back = ProductionChange(**before.what)
    return shown | {
        "can_roll_back": True,
        "before": said(back),
        "rollback_seen": production.last_change(),
        "rollback_reason": _("Back to what was in force before"),
    }


def version_page(version: SettingsVersion) -> Mapping[str, Any]:
    """Everything about one version that does not depend on who looks."""
    now, then = production.in_force(), production.values_of(version)
    changed = frozenset(name for name in now if now[name] != then[name])
    return {
        "lines": _lines(now, then),
        "is_in_force": not changed,
        "changes": version.changes.select_related("by"),
        "moved": ground.moved_by(changed),
        "query": urlencode(
            {name: value for name, value in then.items() if value not in (None, "") and name != "starters"}
        ),
    }


def _lines(now: Mapping[str, Any], then: Mapping[str, Any]) -> Sequence[Line]:
    return [Line(name=str(NAMES[name]), now=now[name], then=then[name]) for name in now]
