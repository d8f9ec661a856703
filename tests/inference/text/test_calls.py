"""Calls told while they are written: nothing twice, nothing lost, and nothing that has to be taken back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.text.calls import ArgumentsText, CallBegun, CallReader, Content, Part, ReadReply, read_reply
from inference.text.tools import ToolCall, written_calls

NAMES = {"weather", "clock"}
CALL = ToolCall(name="weather", arguments='{"city": "Köln", "days": [1, 2]}')
CLOCK = ToolCall(name="clock", arguments="{}")
WRITTEN = written_calls([CALL])
TEXTS = [
    *("Sunny.", " \n Sunny {x}.", "", "  ", "{}", "[]", "[1, 2]", "{", "[" * 500, '{"legs": 4}'),
    *(WRITTEN, f"\n{WRITTEN}\n", f"[{WRITTEN}]", f"[\n {WRITTEN},\n {WRITTEN} ]", f'{WRITTEN}\n{{"name": "clock"}}'),
    *(f"{WRITTEN} and so on", f"{WRITTEN}; ", f"{WRITTEN}; [", f'{WRITTEN}; {{"name": "oven"}}', f"[{WRITTEN}, 5]"),
    *('{"name": "oven", "parameters": {}}', '{"name": ["weather"]}', '{"name": "weather", "parameters": "x"}'),
    *('{"type": "function", "arguments": {"a": {}}, "name": "weather"} ', '{"name": "weather", "name": "clock"}'),
    *('{"name": "weather", "parameters": {"n": NaN}}', '{"name": "weather", "parameters": {"n": 1, "type": "f'),
    *('{"name": "weather", "parameters": {}, "type": "function"}', '{"name": "weather", "parameters": {}, "t'),
    *('{"name": "weather", "parameters": {}, "parameters": {"b": 1}}', '{"name": "\\u0063lock", "parameters": {}}'),
]


def told(text: str, cuts: list[int]) -> list[Part]:
    reader, parts, start = CallReader(NAMES), [], 0
    for cut in [*cuts, len(text)]:
        parts += reader.push(text[start:cut])
        start = cut
    return parts + reader.finish()


def joined(parts: list[Part]) -> tuple[str, list[ToolCall]]:
    """As a client puts them together, which refuses what does not fit."""
    content = ""
    calls: list[ToolCall] = []
    for part in parts:
        match part:
            case Content():
                content += part.text
            case CallBegun():
                assert part.index == len(calls)
                calls.append(ToolCall(name=part.name, arguments=""))
            case ArgumentsText():
                assert part.index == len(calls) - 1 and not content
                calls[-1] = ToolCall(name=calls[-1].name, arguments=calls[-1].arguments + part.text)
    return content, calls


def mixed() -> st.SearchStrategy[str]:
    """Replies put together from pieces of calls, so that they are almost calls in every way."""
    pieces = ['{"name": "weather", ', '"parameters": ', "{", "}", '"a": ', "[", "]", ", ", "; ", "1", '"x"', "NaN", "é"]
    return st.lists(st.sampled_from([*pieces, WRITTEN, '{"name": "clock"}', '"type": "function"']), max_size=8).map(
        "".join
    )


@given(st.sampled_from(TEXTS) | mixed() | st.text(), st.data())
def test_however_a_reply_is_cut_it_says_the_same(text: str, data: st.DataObject) -> None:
    """The parts of a stream, joined, are the reply that comes whole."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=len(text) // 2 + 1)))
    whole = read_reply(text, NAMES)
    assert joined(told(text, cuts)) == (whole.content, list(whole.calls))


@given(st.sampled_from(TEXTS) | mixed() | st.text())
def test_nothing_is_lost_and_nothing_comes_twice(text: str) -> None:
    """A reply without calls is its content; else content is how it ends, and arguments stand in it before that."""
    read = read_reply(text, NAMES)
    assert text.endswith(read.content)
    assert read.calls or read.content == text
    at = 0
    for call in read.calls:
        if call.arguments != "{}":
            at = text.index(call.arguments, at, len(text) - len(read.content)) + len(call.arguments)


@given(st.sampled_from(TEXTS) | mixed())
def test_a_reply_that_is_a_call_can_be_acted_on(text: str) -> None:
    read = read_reply(text, NAMES)
    if read.is_call:
        assert read.calls and all(isinstance(json.loads(call.arguments), dict) for call in read.calls)
        assert {call.name for call in read.calls} <= NAMES


@pytest.mark.parametrize(
    "text",
    [
        WRITTEN,
        f' \n{{\n  "type": "function",\n  "name": "weather",\n  "parameters": {CALL.arguments}\n}}',
        f'{{"name": "weather", "arguments": {CALL.arguments}}}',
        f'{{"parameters": {CALL.arguments}, "name": "weather"}}',
        f"[{WRITTEN}]",
    ],
)
def test_a_call_is_read_however_it_is_written(text: str) -> None:
    assert read_reply(text, NAMES) == ReadReply(content="", calls=(CALL,), is_call=True)


def test_several_calls_are_several() -> None:
    both = written_calls([CALL, CLOCK])
    for text in (both, f"[{both.replace(';', ',')}]", f'{WRITTEN}\n{{"name": "clock"}}'):
        assert read_reply(text, NAMES) == ReadReply(content="", calls=(CALL, CLOCK), is_call=True)


@pytest.mark.parametrize(
    "text",
    [
        *("", "Sunny.", "{}", "[]", "[" * 5000, '{"name": "weather"', '{"name": "oven", "parameters": {}}'),
        *('{"name": ["weather"], "parameters": {}}', '{"name": "weather", "parameters": "n"}', '{"parameters": {}}'),
        *('{"name": "weather", "name": "clock"}', '{"temperature": 4, "name": "weather"}'),
    ],
)
def test_everything_else_is_text(text: str) -> None:
    assert read_reply(text, NAMES) == ReadReply(content=text, calls=(), is_call=False)


@pytest.mark.parametrize(
    ("text", "arguments", "content"),
    [
        ('{"name": "weather", "parameters": {"city": "Os', '{"city": "Os', ""),
        ('{"name": "weather", "parameters": {"n": NaN}}', '{"n": ', "NaN}}"),
        ('{"name": "weather", "parameters": {}', "{}", ""),
        ('{"name": "weather", "parameters": {}, 5}', "{}", ", 5}"),
    ],
)
def test_half_a_call_says_that_it_is_none(text: str, arguments: str, content: str) -> None:
    """It has been told and stays; but whoever goes by the reason for the end does not act on it."""
    half = ToolCall(name="weather", arguments=arguments)
    assert read_reply(text, NAMES) == ReadReply(content=content, calls=(half,), is_call=False)


@pytest.mark.parametrize("half", ["{", '{"name": "clo', '{"name": "clock", "parameters": ', '{"parameters": {"a": 1'])
def test_a_further_call_that_was_cut_before_it_began_says_so(half: str) -> None:
    """It is text, as nobody knows whose call it is; but the calls before it are not all that was meant."""
    assert read_reply(f"{WRITTEN}; {half}", NAMES) == ReadReply(content=f"; {half}", calls=(CALL,), is_call=False)


def test_what_follows_a_call_is_content() -> None:
    read = read_reply(f'{WRITTEN}; {{"name": "oven"}}', NAMES)
    assert read == ReadReply(content='; {"name": "oven"}', calls=(CALL,), is_call=True)


def test_arguments_come_as_they_are_written() -> None:
    """The call as soon as its arguments begin, and each character at once."""
    reader = CallReader(NAMES)
    assert reader.push('{"name": "weather", "parameters": ') == []
    assert reader.push("{") == [CallBegun(index=0, name="weather"), ArgumentsText(index=0, text="{")]
    assert reader.push('"city": "Os') == [ArgumentsText(index=0, text='"city": "Os')]
    assert reader.push('lo"}}') == [ArgumentsText(index=0, text='lo"}')]
    assert reader.push("; ") == []
    assert reader.push('{"name": "clock"}') == [CallBegun(index=1, name="clock"), ArgumentsText(index=1, text="{}")]
    assert reader.finish() == []


def test_text_is_told_as_soon_as_it_can_be_no_call() -> None:
    reader = CallReader(NAMES)
    assert reader.push(' {"le') == []
    assert reader.push('gs"') == [Content(text=' {"legs"')]
    assert reader.push(": 4}") == [Content(text=": 4}")]


def test_without_functions_everything_is_text() -> None:
    assert read_reply(WRITTEN, set()) == ReadReply(content=WRITTEN, calls=(), is_call=False)
