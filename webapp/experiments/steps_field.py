"""The steps of a ramp as somebody writes them: a line for each, per cent and hours."""

import re
from itertools import pairwise
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from webapp.experiments.services.drafting import Ramp

MAX_STEPS, MAX_HOURS, LAST_HOURS = 10, 720, 24
_LINE = re.compile(r"(\d{1,3}(?:[.,]\d{1,2})?)\s*%?(?:\s*[,;\s]\s*(\d{1,3})\s*h?)?", re.ASCII)


class StepsField(forms.CharField):
    """Comes to shares with their hours, each larger than the one before; the last is all, if it is not said."""

    def prepare_value(self, value: Any) -> Any:
        """Steps as text; a text as it was written."""
        if value is None or isinstance(value, str):
            return value
        return "\n".join(f"{share * 100:g} % {hours} h" for share, hours in value)

    def clean(self, value: Any) -> Ramp:
        lines = [line.strip() for line in super().clean(value).splitlines() if line.strip()]
        steps = [_step(line) for line in lines]
        if not steps:
            return ()
        if steps[-1][0] < 1:
            steps.append((1.0, LAST_HOURS))
        if len(steps) > MAX_STEPS:
            raise forms.ValidationError(_("At most %(num)d steps, please.") % {"num": MAX_STEPS})
        if any(after <= before for (before, _hours), (after, _more) in pairwise(steps)):
            raise forms.ValidationError(_("Each step has to be larger than the one before."))
        return steps


def _step(line: str) -> tuple[float, int]:
    found = _LINE.fullmatch(line)
    share = float(found[1].replace(",", ".")) / 100 if found else 0.0
    hours = int(found[2]) if found and found[2] else LAST_HOURS if share == 1 else 0
    if not (0 < share <= 1 and 0 < hours <= MAX_HOURS):
        text = _("“%(line)s” is no step: write per cent and hours, such as “5 %% 24 h”; %(most)d hours at most.")
        raise forms.ValidationError(text % {"line": line[:40], "most": MAX_HOURS})
    return share, hours
