"""Functions that a chat request offers, and whether the model has to call one."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from inference.sampling.params import GrammarSpec
from inference.server.fields import Fields, as_json, wrong
from inference.server.sampling_fields import ReplyForm
from inference.text.tools import Tool, ToolCall, schema_of_calls

TOOL_FIELDS = {"tools", "tool_choice", "parallel_tool_calls"}
MAX_TOOLS = 128
_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}", re.ASCII)
NO_PARAMETERS = {"type": "object", "properties": {}}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTools:
    """`offered` are told to the model. If there are `forced` ones, its reply has to be a call of one of these."""

    offered: tuple[Tool, ...] = ()
    forced: tuple[Tool, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        return frozenset(tool.name for tool in self.offered)

    def form(self, content: ReplyForm | None) -> ReplyForm | None:
        """What the reply has to look like, if text has to look like `content`: a call is no text."""
        if self.forced:
            return ReplyForm(spec=_spec_of_calls(self.forced), param="tools")
        if content and self.offered:
            return replace(content, spec=replace(_spec_of_calls(self.offered), or_else=content.spec))
        return content


def _spec_of_calls(tools: Sequence[Tool]) -> GrammarSpec:
    return GrammarSpec(kind="json_schema", text=schema_of_calls(tools))


def parse_tools(fields: Fields) -> OfferedTools:
    """From `tools` and `tool_choice`. Raises InvalidRequest."""
    given = fields.get("tools", list, default=[])
    if len(given) > MAX_TOOLS:
        raise wrong("tools", f"may have at most {MAX_TOOLS} entries")
    tools = tuple(_tool(item, f"tools[{number}]") for number, item in enumerate(given))
    if len({tool.name for tool in tools}) < len(tools):
        raise wrong("tools", "must have different names")
    choice = fields.body.get("tool_choice") or ("auto" if tools else "none")
    if choice == "none" or (choice == "auto" and not tools):
        return OfferedTools()
    if choice == "auto":
        return OfferedTools(offered=tools)
    return OfferedTools(offered=tools, forced=_forced(tools, choice))


def _forced(tools: tuple[Tool, ...], choice: Any) -> tuple[Tool, ...]:
    if choice == "required":
        forced = tools
    elif isinstance(choice, dict) and choice.get("type") == "function" and isinstance(choice.get("function"), dict):
        forced = tuple(tool for tool in tools if tool.name == choice["function"].get("name"))
    else:
        raise wrong("tool_choice", "must be 'none', 'auto', 'required' or a function by its name")
    if not forced:
        raise wrong("tool_choice", "asks for a function that is not among 'tools'")
    return forced


def _tool(value: Any, param: str) -> Tool:
    function = value.get("function") if isinstance(value, dict) and value.get("type") == "function" else None
    if not isinstance(function, dict):
        raise wrong(param, "must be an object of the type 'function' with a 'function'")
    name, description = function.get("name"), function.get("description") or ""
    schema = function.get("parameters") or NO_PARAMETERS
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise wrong(f"{param}.function.name", "must have 1 to 64 letters, digits, '_', '.' and '-'")
    if not isinstance(description, str):
        raise wrong(f"{param}.function.description", "must be a string")
    if not isinstance(schema, dict):
        raise wrong(f"{param}.function.parameters", "must be a JSON schema")
    return Tool(name=name, description=description, schema=as_json(schema, f"{param}.function.parameters"))


def parse_tool_calls(value: Any, param: str) -> tuple[ToolCall, ...]:
    """The calls of an earlier assistant message. Raises InvalidRequest."""
    if not isinstance(value, list):
        raise wrong(param, "must be a list")
    return tuple(_tool_call(item, f"{param}[{number}]") for number, item in enumerate(value))


def _tool_call(value: Any, param: str) -> ToolCall:
    function = value.get("function") if isinstance(value, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(name, str):
        raise wrong(param, "must be an object with a 'function' that has a 'name'")
    arguments = function.get("arguments") or "{}"
    try:
        parsed = json.loads(arguments) if isinstance(arguments, str) else None
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise wrong(f"{param}.function.arguments", "must be a JSON object, as a string")
    return ToolCall(name=name, arguments=as_json(parsed, f"{param}.function.arguments"))
