"""What is asked about settings for everybody: what they are, and why."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from webapp.experiments.serving_forms import ServingAndStartersForm
from webapp.experiments.version_forms import NoteField


class SettingsForm(ServingAndStartersForm):
    """A whole: what is left empty is as the site has it, whatever is in force."""

    note = NoteField(label=_("What changes, and why"))
    unset: Any = _("as the site has it")
