"""Functions a model may ask for: how they are told to it, and how it calls them (`calls.py` reads that).

Llama 3.1's format for functions of the caller's own: their definitions as JSON in the system message, a call as the
whole reply, `{"name": ..., "parameters": {...}}`, its result as a message of the role `ipython`. Nothing depends on the
day, so the prompt stays a prefix of the next one.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may ask for. `schema` is the JSON schema of its parameters, as JSON."""

    name: str
    description: str
    schema: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """The model asks for a function. `arguments` is a JSON object, as JSON."""

    name: str
    arguments: str


def system_with_tools(system: str, tools: Sequence[Tool], *, environment: str) -> str:
    """The text of a system message that says what `system` says and offers `tools`."""
    definitions = "\n\n".join(_definition(tool) for tool in tools)
    offer = (
        "Answer the user's question by making use of the following functions if needed.\n"
        "If none of the functions can be used, please say so.\n"
        "Here is a list of functions in JSON format:\n\n"
        f"{definitions}\n\n"
        'To call a function, respond with nothing but JSON in the format {"name": function name, '
        '"parameters": dictionary of argument name and its value}. Do not use variables.'
    )
    return "\n\n".join(part for part in (environment, system.strip(), offer) if part)


def _definition(tool: Tool) -> str:
    function = {"name": tool.name, "description": tool.description, "parameters": json.loads(tool.schema)}
    return json.dumps({"type": "function", "function": function}, indent=4, ensure_ascii=False)


def written_calls(calls: Sequence[ToolCall]) -> str:
    """Calls as the model writes them."""
    return "; ".join(f'{{"name": {json.dumps(call.name)}, "parameters": {call.arguments}}}' for call in calls)


def schema_of_calls(tools: Sequence[Tool]) -> str:
    """The JSON schema of a call of one of `tools`, as JSON."""
    calls = [
        {
            "type": "object",
            "properties": {"name": {"const": tool.name}, "parameters": json.loads(tool.schema)},
            "required": ["name", "parameters"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    return json.dumps(calls[0] if len(calls) == 1 else {"anyOf": calls})
