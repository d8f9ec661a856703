"""The rules of a policy as a table of numbers that people fill in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from assistant.safety.policy import ANY, DIRECTIONS, STRICTNESS, Direction, PolicyError, policy_from
from assistant.safety.taxonomy import CATEGORIES, plain_name

STEPS = STRICTNESS[1:]
SLUGS = (ANY, *CATEGORIES)
ACTION_NAMES = {
    "allow": _("allowed"),
    "log": _("noted"),
    "inform": _("informed"),
    "warn": _("warned"),
    "block": _("withheld"),
}
CODE_NAMES = {
    "off": _("nothing, it is not looked through"),
    "warn": _("they are named beside it"),
    "block": _(
        "named beside it; with a grave one the answer is withheld; code waits to be looked through, if it can be"
    ),
}


def name_of(slug: str) -> str:
    return gettext("everything else") if slug == ANY else gettext(plain_name(slug))


@dataclass(frozen=True, slots=True)
class Row:
    """One category of the table, with its fields from mildest to strictest action."""

    name: str
    cells: list[BoundField]


class PolicyForm(forms.Form):
    """Empty cells mean "never". A category without any number follows the row of everything else."""

    note = forms.CharField(label=_("What changes, and why"), max_length=400, widget=UnfoldAdminTextInputWidget)
    closed = forms.MultipleChoiceField(
        label=_("Held, and not left to a lesser guard, while the usual one is away"),
        choices=[(slug, plain_name(slug)) for slug in CATEGORIES],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    language_scale = forms.FloatField(
        label=_("Thresholds are multiplied by"),
        min_value=0.01,
        max_value=1,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "0.01"}),
    )
    language_action = forms.ChoiceField(
        label=_("At least"),
        choices=[(action, ACTION_NAMES[action]) for action in STRICTNESS],
        widget=UnfoldAdminSelectWidget,
    )

    code = forms.ChoiceField(
        label=_("What is done about its known weaknesses"),
        choices=list(CODE_NAMES.items()),
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for direction in DIRECTIONS:
            for slug in SLUGS:
                for step in STEPS:
                    label = f"{name_of(slug)}, {direction}: {ACTION_NAMES[step]}"
                    cell = forms.NumberInput(attrs={"step": "0.01", "class": "threshold", "aria-label": label})
                    self.fields[_cell(direction, slug, step)] = forms.FloatField(
                        label=label, min_value=0, max_value=1, required=False, widget=cell
                    )

    def tables(self) -> dict[Direction, list[Row]]:
        """The cells as they are laid out: for each direction a row for each category."""
        return {
            direction: [Row(name_of(slug), [self[_cell(direction, slug, step)] for step in STEPS]) for slug in SLUGS]
            for direction in DIRECTIONS
        }

    @staticmethod
    def initial_for(rules: Mapping[str, Any]) -> dict[str, Any]:
        """The form filled in with these rules."""
        language = policy_from(rules, version="").unknown_language
        cells = {
            _cell(direction, slug, step): value
            for direction in DIRECTIONS
            for slug, rule in rules[direction].items()
            for step, value in rule.items()
        }
        return {
            **cells,
            "closed": rules.get("closed", []),
            "language_scale": language.scale,
            "language_action": language.action,
            "code": rules.get("code", "warn"),
        }

    def clean(self) -> dict[str, Any]:
        """Adds `rules`."""
        cleaned = super().clean() or {}
        if not self.errors:
            cleaned["rules"] = self._rules(cleaned)
            try:
                policy_from(cleaned["rules"], version="")
            except PolicyError as error:
                self.add_error(None, error.said(gettext))
        return cleaned

    def _rules(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        rules: dict[str, Any] = {}
        for direction in DIRECTIONS:
            rows = {
                slug: {step: value for step in STEPS if (value := cleaned[_cell(direction, slug, step)]) is not None}
                for slug in SLUGS
            }
            rules[direction] = {slug: rule for slug, rule in rows.items() if rule or slug == ANY}
        return {
            **rules,
            "closed": cleaned["closed"],
            "unknown_language": {"scale": cleaned["language_scale"], "action": cleaned["language_action"]},
            "code": cleaned["code"],
        }


class ActivateForm(forms.Form):
    reason = forms.CharField(label=_("Why now"), min_length=10, max_length=400, widget=UnfoldAdminTextInputWidget)


def _cell(direction: Direction, slug: str, step: str) -> str:
    return f"{direction}-{'any' if slug == ANY else slug}-{step}"
