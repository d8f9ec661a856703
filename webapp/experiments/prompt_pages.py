"""What the pages of prompts show."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from assistant.errors import PromptTooLong
from assistant.prompt import estimate_tokens
from assistant.prompt_text import SYSTEM_PROMPT, content_hash
from webapp.experiments.example_prompt import assembled
from webapp.experiments.models import Arm, PromptVersion
from webapp.experiments.services import labels, rejecting
from webapp.experiments.services.stepping_back import NothingBefore
from webapp.experiments.text_diff import Line, diff

BUILT_IN = "built-in"
MAX_COMPARED = 200


def version_named(number: str, *, default: PromptVersion | None) -> PromptVersion | None:
    """The version of this number; None for the built-in prompt; `default` where nothing, or nothing real, is named."""
    if number == BUILT_IN:
        return None
    found = PromptVersion.objects.filter(number=int(number)).first() if _is_number(number) else None
    return found or default


def production() -> Mapping[str, Any]:
    """What is in production, and what it can go back to."""
    shown: dict[str, Any] = {"production": labels.production(), "built_in_hash": content_hash(SYSTEM_PROMPT)}
    try:
        before = labels.before_production()
    except NothingBefore:
        return shown
    name = str(before) if before else _("the built-in prompt")
    reason = _("Back to %(prompt)s, which was in production before") % {"prompt": name}
    return shown | {
        "can_roll_back": True,
        "before_name": name,
        "rollback_reason": reason,
        "rollback_seen": labels.last_change(),
    }


def version_page(version: PromptVersion, *, against: str) -> Mapping[str, Any]:
    """Everything about one version that does not depend on who looks."""
    default = version.based_on or labels.production()
    other = version_named(against, default=None if default == version else default)
    other_text = other.text if other else SYSTEM_PROMPT
    arms = Arm.objects.filter(prompt=version).select_related("experiment")
    return {
        "labels": version.labels.all(),
        "label_names": (labels.PRODUCTION, "candidate"),
        "changes": labels.history(version),
        "num_tokens": estimate_tokens(version.text),
        "num_lines": version.text.count("\n") + 1,
        "experiments": sorted({arm.experiment for arm in arms}, key=lambda one: one.pk),
        "running_with": rejecting.running_with(version),
        "others": PromptVersion.objects.exclude(pk=version.pk).only("number", "note")[:MAX_COMPARED],
        "against": other,
        "lines": diff(other_text, version.text),
        "assembled_lines": _assembled(other_text, version.text),
    }


def _assembled(before: str, after: str) -> Sequence[Line]:
    """Empty where one of them leaves no room for the example."""
    try:
        return diff(assembled(before), assembled(after))
    except PromptTooLong:
        return ()


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10
