"""Reading the fields of a JSON request, each checked and named when it is wrong. Shared by the routes that generate."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

from inference.errors import InvalidRequest

MAX_STOP_STRINGS, MAX_STOP_CHARS, MAX_TOP_LOGPROBS = 4, 100, 20
SEED_RANGE = (-(2**63), 2**64 - 1)
_NAMES = {str: "a string", dict: "an object", bool: "true or false", list: "a list"}


class Fields:
    """Typed access to a JSON object; null counts as absent, as in OpenAI's API. Raises InvalidRequest."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body

    def get(self, name: str, kind: type, *, default: Any) -> Any:
        value = self._body.get(name)
        if value is None:
            return default
        if not isinstance(value, kind):
            raise wrong(name, f"must be {_NAMES[kind]}")
        return value

    def boolean(self, name: str, *, default: bool = False) -> bool:
        return cast(bool, self.get(name, bool, default=default))

    def number(self, name: str, kind: Callable[[Any], Any], low: float, high: float) -> Any:
        value = self._body.get(name)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not low <= value <= high or kind(value) != value:
            raise wrong(name, f"must be {'an integer' if kind is int else 'a number'} from {low} to {high}")
        return kind(value)

    def stop_strings(self) -> tuple[str, ...]:
        value = self._body.get("stop")
        strings = [value] if isinstance(value, str) else value or []
        if not isinstance(strings, list) or len(strings) > MAX_STOP_STRINGS:
            raise wrong("stop", f"must be a string or a list of at most {MAX_STOP_STRINGS}")
        if not all(isinstance(stop, str) and 0 < len(stop) <= MAX_STOP_CHARS for stop in strings):
            raise wrong("stop", f"must hold strings of 1 to {MAX_STOP_CHARS} characters")
        return tuple(strings)


def wrong(param: str, what: str) -> InvalidRequest:
    return InvalidRequest(f"'{param}' {what}.", code="invalid_value", param=param)


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
