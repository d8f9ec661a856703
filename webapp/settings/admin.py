"""The Django admin (django-unfold): its look, its sidebar and the policy its scripts need."""

from typing import Any

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _page(title: str, icon: str, model: str, *, permission: str, page: str = "changelist") -> dict[str, Any]:
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


def _logo(_request: HttpRequest) -> str:
    return static("img/cria.svg")  # not before the request: a hashed name is known once the files are collected


UNFOLD = {
    "SITE_TITLE": "Cria administration",
    "SITE_HEADER": "Cria",
    "SITE_ICON": _logo,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _logo}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "LOGIN": {"form": "webapp.accounts.forms.StaffLoginForm"},
    "DASHBOARD_CALLBACK": "webapp.moderation.audit_admin.add_chain_state",
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            {
                "title": "Conversations",
                "items": [
                    _page("Conversations", "forum", "chat_conversation", permission="chat.view_conversation"),
                    _page("Replies", "smart_toy", "chat_reply", permission="chat.view_reply"),
                ],
            },
            {
                "title": "Moderation",
                "items": [
                    _page("Cases", "inbox", "moderation_case", permission="moderation.view_case")
                    | {"active": _is_about_a_case},
                    _page("Quality", "balance", "moderation_case", page="quality", permission="moderation.view_case"),
                    _page("Appeals", "campaign", "moderation_appeal", permission="moderation.view_appeal"),
                    _page("Suspensions", "block", "moderation_suspension", permission="moderation.view_suspension"),
                    _page("Verdicts", "gavel", "moderation_verdict", permission="moderation.view_verdict"),
                    _page("Policies", "tune", "moderation_policyversion", permission="moderation.view_policyversion"),
                    _page("Reveals", "visibility", "moderation_reveal", permission="moderation.view_reveal"),
                    _page("Audit", "link", "moderation_auditentry", permission="moderation.view_auditentry"),
                ],
            },
            {
                "title": "Experiments",
                "items": [
                    _page("Experiments", "science", "experiments_experiment", permission="experiments.view_experiment"),
                    _page("Prompts", "notes", "experiments_promptversion", permission="experiments.view_promptversion"),
                    _page(
                        "Playground",
                        "view_column",
                        "experiments_playgroundsession",
                        permission="experiments.add_promptversion",
                    ),
                    _page(
                        "Settings of answers",
                        "tune",
                        "experiments_settingsversion",
                        permission="experiments.view_settingsversion",
                    ),
                    _page("Test turns", "checklist", "experiments_testturn", permission="experiments.view_testturn"),
                    _page("Ideas", "lightbulb", "experiments_starterset", permission="experiments.view_starterset"),
                    _page("Metrics", "monitoring", "experiments_metric", permission="experiments.view_metric"),
                    _page("Layers", "view_week", "experiments_layer", permission="experiments.view_layer"),
                    _page("Segments", "groups", "experiments_segment", permission="experiments.view_segment"),
                    _page("Holdout", "front_hand", "experiments_holdout", permission="experiments.view_holdout"),
                ],
            },
            {
                "title": "Library",
                "items": [
                    _page("Documents", "description", "library_document", permission="library.view_document"),
                    _page("Passages", "segment", "library_passage", permission="library.view_passage"),
                ],
            },
            {
                "title": "People",
                "items": [
                    _page("People", "person", "accounts_user", permission="accounts.view_user"),
                    _page("Roles", "badge", "auth_group", permission="auth.view_group"),
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
