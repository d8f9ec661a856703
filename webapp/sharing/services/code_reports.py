"""What Code Shield said of the code in a shared answer, at the head of each block, on a page that runs no script."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.template.loader import render_to_string

_HEAD = re.compile(r'<figure class="code"[^>]*><figcaption>.*?</figcaption>', re.DOTALL)


def with_reports(blocks: Iterable[str], reports: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rendered blocks of an answer with a report at each block of code that has one."""
    by_figure = {report["figure"]: report for report in reports}
    number = -1

    def with_report(head: re.Match[str]) -> str:
        nonlocal number
        number += 1
        report = by_figure.get(number)
        return head[0] + render_to_string("sharing/_code_report.html", {"report": report}) if report else head[0]

    return [_HEAD.sub(with_report, block) for block in blocks]
