"""Functions a model may ask for: how they are told to it, how it calls them, how a call is read.

Llama 3.1's format for functions of the caller's own: their definitions as JSON in the system message, a call as the
whole reply, `{"name": ..., "parameters": {...}}`, its result as a message of the role `ipython`. Nothing depends on the
day, so the prompt stays a prefix of the next one.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

OPENERS = ("{", "[")
"""What a reply that is a call begins with."""


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


def parse_calls(text: str, names: Collection[str]) -> tuple[ToolCall, ...]:
    """The calls that a reply consists of; none if it is anything else, or asks for a function not among `names`.

    Takes one JSON object, several in a row, or a list of them. Meta's models also write `"type": "function"` into them,
    and now and then OpenAI's word `arguments` for `parameters`.
    """
    calls = [_call(value, names) for value in _json_values(text)]
    return tuple(call for call in calls if call) if all(calls) else ()


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


def _call(value: Any, names: Collection[str]) -> ToolCall | None:
    if not isinstance(value, dict):
        return None
    name, arguments = value.get("name"), value.get("parameters", value.get("arguments", {}))
    if not isinstance(name, str) or name not in names or not isinstance(arguments, dict):
        return None
    return ToolCall(name=name, arguments=json.dumps(arguments, ensure_ascii=False))  # may hold half a surrogate pair


def _json_values(text: str) -> list[Any]:
    """The JSON values that `text` consists of, a list taken apart; [None] if it does not consist of such."""
    decoder, values, rest = json.JSONDecoder(parse_constant=_refuse), [], text.strip()
    try:
        while rest:
            value, end = decoder.raw_decode(rest)
            values += value if isinstance(value, list) else [value]
            rest = rest[end:].lstrip("; ,\r\n\t")
    except (ValueError, RecursionError):
        return [None]
    return values


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
