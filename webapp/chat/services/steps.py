"""The steps of an answer, as rows keep them and as people see them."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext, gettext_noop

from assistant import events
from assistant.events import StepState
from assistant.ports import KeptPicture, ToolCall
from assistant.tools.steps import Step

TITLES = {
    "calculator": gettext_noop("Used the calculator"),
    "dates": gettext_noop("Looked at the calendar"),
    "units": gettext_noop("Converted units"),
    "library": gettext_noop("Searched your library"),
    "web": gettext_noop("Searched the web"),
    "draw_picture": gettext_noop("Drew a picture"),
    "memory": gettext_noop("Remembered"),
}
_TITLES_IN: Mapping[tuple[str, StepState], str] = {
    ("calculator", "running"): gettext_noop("Using the calculator…"),
    ("dates", "running"): gettext_noop("Looking at the calendar…"),
    ("units", "running"): gettext_noop("Converting units…"),
    ("library", "running"): gettext_noop("Searching your library…"),
    ("web", "running"): gettext_noop("Searching the web…"),
    ("draw_picture", "running"): gettext_noop("Drawing a picture…"),
    ("draw_picture", "failed"): gettext_noop("Tried to draw a picture"),
}
_SHOWN = tuple(field.name for field in dataclasses.fields(events.Step))


def step_event(step: Step) -> events.Step:
    """In the language that is active."""
    usual = TITLES.get(step.tool, gettext_noop("Tried a tool that does not exist"))
    title = gettext(_TITLES_IN.get((step.tool, step.state), usual))
    return events.Step(
        index=step.index,
        tool=step.tool,
        title=title,
        state=step.state,
        input=step.input,
        output=step.output,
        memory=step.memory,
        picture=step.picture,
    )


def stored_step(step: Step, event: events.Step) -> dict[str, Any]:
    """What a successor of this worker needs to go on, with the title that is shown."""
    return dataclasses.asdict(step) | {"title": event.title}


def load_step(stored: Mapping[str, Any]) -> Step:
    call, picture = stored["call"], stored.get("picture")  # steps from before there were pictures
    return Step(
        **{
            **stored,
            "call": ToolCall(**call) if call else None,
            "picture": KeptPicture(**picture) if picture else None,
        }
    )


def ended_steps(stored: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Without one that its worker did not bring to its end: nobody else will."""
    return [step for step in stored if step["state"] != "running"]


def shown_steps(stored: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Without what only the model is told."""
    return [{name: step.get(name) for name in _SHOWN} for step in stored]
