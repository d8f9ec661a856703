"""Reading the fields of a JSON request, each checked and named when it is wrong. Shared by all routes."""

import json
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

from inference.errors import InvalidRequest

MAX_STOP_STRINGS, MAX_STOP_CHARS, MAX_TOP_LOGPROBS = 4, 100, 20
MAX_NAME_CHARS = 512
MAX_DEPTH = 64
SEED_RANGE = (-(2**63), 2**64 - 1)
MOST = (1 << 31) - 1
_NAMES = {str: "a string", dict: "an object", bool: "true or false", list: "a list"}


class Fields:
    """Typed access to a JSON object; null counts as absent, as in OpenAI's API. Raises InvalidRequest."""

    def __init__(self, body: object) -> None:
        if not isinstance(body, dict):
            raise InvalidRequest("The body must be a JSON object.")
        self.body: Mapping[str, Any] = body

    def get(self, name: str, kind: type, *, default: Any) -> Any:
        value = self.body.get(name)
        if value is None:
            return default
        if not isinstance(value, kind):
            raise wrong(name, f"must be {_NAMES[kind]}")
        return value

    def boolean(self, name: str, *, default: bool = False) -> bool:
        return cast(bool, self.get(name, bool, default=default))

    def name(self, field: str) -> str:
        """A short string that says who or which; empty if absent."""
        value = cast(str, self.get(field, str, default=""))
        if len(value) > MAX_NAME_CHARS:
            raise wrong(field, f"may have at most {MAX_NAME_CHARS} characters")
        return value

    def number(self, name: str, kind: Callable[[Any], Any], low: float, high: float) -> Any:
        value = self.body.get(name)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not low <= value <= high or kind(value) != value:
            raise wrong(name, f"must be {'an integer' if kind is int else 'a number'} from {low} to {high}")
        return kind(value)

    def integer(self, name: str, low: int, high: int, *, default: int) -> int:
        value = self.number(name, int, low, high)
        return default if value is None else cast(int, value)

    def real(self, name: str, low: float, high: float, *, default: float) -> float:
        value = self.number(name, float, low, high)
        return default if value is None else cast(float, value)

    def stop_strings(self) -> tuple[str, ...]:
        value = self.body.get("stop")
        strings = [value] if isinstance(value, str) else value or []
        if not isinstance(strings, list) or len(strings) > MAX_STOP_STRINGS:
            raise wrong("stop", f"must be a string or a list of at most {MAX_STOP_STRINGS}")
        if not all(isinstance(stop, str) and 0 < len(stop) <= MAX_STOP_CHARS for stop in strings):
            raise wrong("stop", f"must hold strings of 1 to {MAX_STOP_CHARS} characters")
        return tuple(strings)

    def includes_usage(self) -> bool:
        return self.get("stream_options", dict, default={}).get("include_usage") is True


def wrong(param: str, what: str) -> InvalidRequest:
    return InvalidRequest(f"'{param[:100]}' {what}.", code="invalid_value", param=param[:100])


def as_json(value: object, param: str) -> str:
    """A JSON value as text. Raises InvalidRequest if it is nested more deeply than any sane schema is."""
    if _is_deeper(value, MAX_DEPTH):
        raise wrong(param, f"may be nested at most {MAX_DEPTH} levels deep")
    return json.dumps(value, ensure_ascii=False)


def _is_deeper(value: object, limit: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return limit == 0 or any(_is_deeper(each, limit - 1) for each in inner)


def is_finite_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf


def refuse_unsupported(
    body: Mapping[str, Any], *, known: Collection[str], unsupported: Mapping[str, tuple[Any, ...]]
) -> None:
    """Raises InvalidRequest for a parameter nobody knows, and for one we do not offer unless it asks for nothing."""
    for name, value in body.items():
        if name in known or value is None:
            continue
        if name not in unsupported:
            raise InvalidRequest(f"There is no parameter '{name[:100]}'.", code="unknown_parameter", param=name[:100])
        if value not in unsupported[name]:
            raise InvalidRequest(f"'{name}' is not supported.", code="unsupported_parameter", param=name)
