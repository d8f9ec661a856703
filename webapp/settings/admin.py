"""The Django admin (django-unfold): its look, its sidebar and the policy its scripts need."""

from collections.abc import Callable
from typing import Any

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


def _page(title: Promise, icon: str, model: str, *, permission: str, page: str = "changelist") -> dict[str, Any]:
    """A link to the list of `model` ("app_model"), or another page of it, for those who hold `permission`."""

    def is_permitted(request: HttpRequest) -> bool:
        return request.user.has_perm(permission)

    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{model}_{page}"),
        "permission": is_permitted,
    }


def _is_about_a_case(request: HttpRequest) -> bool:
    """Unfold goes by the beginning of the address, which the page on quality shares."""
    page = request.resolver_match
    return page is not None and "moderation_case" in page.view_name and not page.view_name.endswith("_quality")


def _file(name: str) -> Callable[[HttpRequest], str]:
    """Not before the request: a hashed name is known once the files are collected."""
    return lambda _request: static(name)


_logo = _file("img/cria.svg")

# Cria's blue: 600 is the accent of the light theme, 400 that of the dark one. Each can be read on its ground.
BLUES = {
    "50": "#eff5ff",
    "100": "#dce9fe",
    "200": "#c2d9ff",
    "300": "#a0c5ff",
    "400": "#7db1ff",
    "500": "#5c9bff",
    "600": "#0a5cd8",
    "700": "#084bb1",
    "800": "#0b3f8f",
    "900": "#103770",
    "950": "#0c2347",
}


UNFOLD = {
    "SITE_TITLE": "Cria administration",
    "SITE_HEADER": "Cria",
    "SITE_ICON": _logo,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _logo}],
    "COLORS": {"primary": BLUES},
    "STYLES": [_file("administration/mending.css")],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "LOGIN": {"form": "webapp.accounts.forms.StaffLoginForm"},
    "DASHBOARD_CALLBACK": "webapp.moderation.audit_admin.add_chain_state",
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            {
                "title": _("Conversations"),
                "items": [
                    _page(_("Conversations"), "forum", "chat_conversation", permission="chat.view_conversation"),
                    _page(_("Replies"), "smart_toy", "chat_reply", permission="chat.view_reply"),
                ],
            },
            {
                "title": _("Moderation"),
                "items": [
                    _page(_("Cases"), "inbox", "moderation_case", permission="moderation.view_case")
                    | {"active": _is_about_a_case},
                    _page(
                        _("Quality"), "balance", "moderation_case", page="quality", permission="moderation.view_case"
                    ),
                    _page(_("Appeals"), "campaign", "moderation_appeal", permission="moderation.view_appeal"),
                    _page(_("Suspensions"), "block", "moderation_suspension", permission="moderation.view_suspension"),
                    _page(_("Verdicts"), "gavel", "moderation_verdict", permission="moderation.view_verdict"),
                    _page(
                        _("Policies"), "tune", "moderation_policyversion", permission="moderation.view_policyversion"
                    ),
                    _page(_("Reveals"), "visibility", "moderation_reveal", permission="moderation.view_reveal"),
                    _page(_("Audit"), "link", "moderation_auditentry", permission="moderation.view_auditentry"),
                ],
            },
            {
                "title": _("Experiments"),
                "items": [
                    _page(
                        _("Experiments"), "science", "experiments_experiment", permission="experiments.view_experiment"
                    ),
                    _page(
                        _("Prompts"), "notes", "experiments_promptversion", permission="experiments.view_promptversion"
                    ),
                    _page(
                        _("Playground"),
                        "view_column",
                        "experiments_playgroundsession",
                        permission="experiments.add_promptversion",
                    ),
                    _page(
                        _("Settings of answers"),
                        "tune",
                        "experiments_settingsversion",
                        permission="experiments.view_settingsversion",
                    ),
                    _page(_("Test turns"), "checklist", "experiments_testturn", permission="experiments.view_testturn"),
                    _page(_("Ideas"), "lightbulb", "experiments_starterset", permission="experiments.view_starterset"),
                    _page(_("Metrics"), "monitoring", "experiments_metric", permission="experiments.view_metric"),
                    _page(_("Layers"), "view_week", "experiments_layer", permission="experiments.view_layer"),
                    _page(_("Segments"), "groups", "experiments_segment", permission="experiments.view_segment"),
                    _page(_("Holdout"), "front_hand", "experiments_holdout", permission="experiments.view_holdout"),
                ],
            },
            {
                "title": _("Library"),
                "items": [
                    _page(_("Documents"), "description", "library_document", permission="library.view_document"),
                    _page(_("Passages"), "segment", "library_passage", permission="library.view_passage"),
                ],
            },
            {
                "title": _("People"),
                "items": [
                    _page(_("People"), "person", "accounts_user", permission="accounts.view_user"),
                    _page(_("Roles"), "badge", "auth_group", permission="auth.view_group"),
                ],
            },
        ],
    },
}

# The page's own scripts are files; Alpine, which runs them, evaluates the expressions in the markup, and sets styles.
ADMIN_CONTENT_SECURITY_POLICY = {
    "script-src": [SELF, UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
}
