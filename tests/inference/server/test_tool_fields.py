"""Offered functions are read and refused by name; what is chosen decides what the reply has to look like."""

import json
from typing import Any

import pytest

from inference.errors import InvalidRequest
from inference.sampling.params import GrammarSpec
from inference.server.fields import Fields
from inference.server.sampling_fields import ReplyForm
from inference.server.tool_fields import OfferedTools, parse_tools


def function(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


WEATHER = function("weather", description="Tells it.", parameters={"type": "object", "properties": {"city": {}}})
CLOCK = function("clock")
TOOLS = [WEATHER, CLOCK]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": {}}, "tools"),
        ({"tools": [5]}, "tools[0]"),
        ({"tools": [{"type": "retrieval"}]}, "tools[0]"),
        ({"tools": [CLOCK, {"type": "function"}]}, "tools[1]"),
        ({"tools": [function("two words")]}, "tools[0].function.name"),
        ({"tools": [function("a" * 65)]}, "tools[0].function.name"),
        ({"tools": [function("f", description=5)]}, "tools[0].function.description"),
        ({"tools": [function("f", parameters=[1])]}, "tools[0].function.parameters"),
        ({"tools": [CLOCK, CLOCK]}, "tools"),
        ({"tools": [function(f"f{i}") for i in range(200)]}, "tools"),
        ({"tools": TOOLS, "tool_choice": "always"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": 7}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": function("oven")}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": "clock"}}, "tool_choice"),
        ({"tool_choice": "required"}, "tool_choice"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_tools(Fields(fields))
    assert refusal.value.param == param


@pytest.mark.parametrize(
    ("fields", "offered", "forced"),
    [
        ({}, [], []),
        ({"tools": TOOLS}, ["weather", "clock"], []),
        ({"tools": TOOLS, "tool_choice": "auto"}, ["weather", "clock"], []),
        ({"tools": TOOLS, "tool_choice": "none"}, [], []),
        ({"tools": TOOLS, "tool_choice": "required"}, ["weather", "clock"], ["weather", "clock"]),
        ({"tools": TOOLS, "tool_choice": function("clock")}, ["weather", "clock"], ["clock"]),
        ({"tool_choice": "auto"}, [], []),
    ],
)
def test_a_choice_says_what_is_offered_and_what_is_forced(
    fields: dict[str, object], offered: list[str], forced: list[str]
) -> None:
    found = parse_tools(Fields(fields))
    assert [tool.name for tool in found.offered] == offered
    assert [tool.name for tool in found.forced] == forced


def test_a_forced_call_has_the_schema_of_its_function() -> None:
    form = parse_tools(Fields({"tools": TOOLS, "tool_choice": function("weather")})).form(None)
    assert form is not None and form.param == "tools"
    schema = json.loads(form.spec.text)
    assert schema["properties"]["name"] == {"const": "weather"}
    assert schema["properties"]["parameters"] == WEATHER["function"]["parameters"]
    assert OfferedTools().form(None) is None


CONTENT = ReplyForm(spec=GrammarSpec(kind="regex", text="yes|no"), param="structured_outputs")


@pytest.mark.parametrize("choice", ["required", function("clock")])
def test_text_is_out_of_place_where_a_call_is_forced(choice: object) -> None:
    """What it would have to look like does not matter then."""
    offered = parse_tools(Fields({"tools": TOOLS, "tool_choice": choice}))
    assert offered.form(CONTENT) == offered.form(None)


def test_what_is_offered_may_be_called_instead_of_text_in_its_form() -> None:
    form = parse_tools(Fields({"tools": TOOLS})).form(CONTENT)
    assert form is not None and form.param == "structured_outputs" and form.spec.or_else == CONTENT.spec
    names = [call["properties"]["name"]["const"] for call in json.loads(form.spec.text)["anyOf"]]
    assert names == ["weather", "clock"]


@pytest.mark.parametrize("fields", [{}, {"tools": TOOLS, "tool_choice": "none"}])
def test_where_nothing_is_offered_text_has_its_form(fields: dict[str, object]) -> None:
    assert parse_tools(Fields(fields)).form(CONTENT) == CONTENT
