"""What leaves the window and when, with a violation at every character and a guard that fails in every way."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import GuardUnavailable
from assistant.guarded import GuardedStream, Judged, Released, Streaming, Withheld
from assistant.ports import GeneratedPiece, GenerationEnd
from assistant.safety.release import CheckUnit
from assistant.safety.verdict import Action, Verdict

TEXT = (
    "Llamas keep warm with thick wool. It traps the air, which is what keeps them warm in winter.\n\n"
    "```python\nwarm = wool + air\nprint(warm)\n```\n\n水は冷たい。Ask me for more, and I will tell you all of it!\n"
)
POISON = "☠"

Delay = Callable[[CheckUnit], int]


def verdict(action: Action) -> Verdict:
    return Verdict(action=action, score=0.0, guard_id="test", policy_version="test", latency_ms=0.0)


async def pieces_of(text: str, size: int) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
    """`size` characters at a time, each its own token; others get to work in between."""
    for start in range(0, len(text), size):
        yield GeneratedPiece(text=text[start : start + size], token_ids=tuple(map(ord, text[start : start + size])))
        await asyncio.sleep(0)
    yield GenerationEnd(finish_reason="stop")


@dataclass
class Reader:
    """Reads a stream, and at every moment holds what is shown against the verdicts that were given by then."""

    streaming: Streaming = "buffered"
    shown: str = ""
    token_ids: list[int] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    withheld: Withheld | None = None
    is_finished: bool = False
    passed: dict[int, int] = field(default_factory=dict)
    """Number of a unit -> where it ends."""

    @property
    def num_passed(self) -> int:
        """Characters before the first unit without a passing verdict."""
        number, end = 0, 0
        while number in self.passed:
            end = self.passed[number]
            number += 1
        return end

    async def read(
        self,
        text: str,
        judge: Callable[[CheckUnit], Awaitable[Verdict]],
        *,
        size: int = 3,
        late_s: float = 60.0,
        written: str = "",
    ) -> None:
        async def check(unit: CheckUnit) -> Verdict:
            given = await judge(unit)
            if not given.blocks:
                self.passed[unit.number] = unit.end.num_chars
            return given

        stream = GuardedStream(
            pieces_of(text, size),
            check,
            written=written,
            streaming=self.streaming,
            late_s=late_s,
            mark=lambda stage: None,
        )
        try:
            async for item in stream.read():
                if isinstance(item, Released):
                    self.shown += item.text
                    self.token_ids += item.token_ids
                    self._holds(item)
                elif isinstance(item, Judged):
                    self.judged.append(item)
                elif isinstance(item, GenerationEnd):
                    self.is_finished = True
        except Withheld as withheld:
            self.withheld = withheld

    def _holds(self, item: Released) -> None:
        if self.streaming == "buffered":
            assert len(self.shown) <= self.num_passed, "a character left before its verdict"
            assert item.num_unchecked == 0
        else:
            assert len(self.shown) - item.num_unchecked <= self.num_passed


def judging(delay: Delay = lambda unit: 0) -> Callable[[CheckUnit], Awaitable[Verdict]]:
    """Blocks what has poison in it, after so many turns of the event loop."""

    async def judge(unit: CheckUnit) -> Verdict:
        for _ in range(delay(unit)):
            await asyncio.sleep(0)
        return verdict("block" if POISON in unit.text else "allow")

    return judge


DELAYS: dict[str, Delay] = {
    "at once": lambda unit: 0,
    "late": lambda unit: 40,
    "out of order": lambda unit: 30 if unit.number % 2 == 0 else 1,
    "last first": lambda unit: max(0, 90 - 15 * unit.number),
}


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("streaming", ["buffered", "optimistic"])
async def test_wherever_the_violation_stands_it_is_withheld(streaming: Streaming, delay: str) -> None:
    """At every offset: what was shown before it had passed, the whole text is handed over, and no end follows."""
    for offset in range(len(TEXT) + 1):
        reader = Reader(streaming)
        text = TEXT[:offset] + POISON + TEXT[offset:]
        await reader.read(text, judging(DELAYS[delay]))
        assert reader.withheld is not None, offset
        assert not reader.is_finished
        assert reader.withheld.start <= offset < reader.withheld.end
        assert text.startswith(reader.withheld.text)
        assert len(reader.withheld.text) > offset
        assert reader.withheld.text.startswith(reader.shown)
        if streaming == "buffered":
            assert len(reader.shown) <= reader.withheld.start


@pytest.mark.parametrize("streaming", ["buffered", "optimistic"])
async def test_a_verdict_that_blocks_counts_though_the_guard_fails_for_what_is_before_it(streaming: Streaming) -> None:
    """Shown without a verdict, it would stay on every page until the guard is back."""

    async def judge(unit: CheckUnit) -> Verdict:
        if unit.number == 1:
            raise GuardUnavailable("no answer")
        return verdict("block" if unit.number == 2 else "allow")

    stream = GuardedStream(
        pieces_of(TEXT, 3), judge, written="", streaming=streaming, late_s=60.0, mark=lambda stage: None
    )

    async def write_down() -> None:
        async for _ in stream.read():
            await asyncio.sleep(0.05)  # longer than the guard takes

    with pytest.raises(Withheld):
        await write_down()


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("streaming", ["buffered", "optimistic"])
@pytest.mark.parametrize("size", [1, 3, 50, 1000])
async def test_a_harmless_text_comes_whole_and_in_order(streaming: Streaming, delay: str, size: int) -> None:
    """However it is cut and however verdicts come: nothing is lost, doubled or reordered."""
    reader = Reader(streaming)
    await reader.read(TEXT, judging(DELAYS[delay]), size=size)
    assert (reader.shown, reader.token_ids) == (TEXT, list(map(ord, TEXT)))
    assert reader.is_finished


async def _hangs(unit: CheckUnit) -> Verdict:
    """As the turn asks: with a limit, after which the guard counts as away."""
    try:
        async with asyncio.timeout(0.001):
            await asyncio.Event().wait()
    except TimeoutError:
        raise GuardUnavailable from None
    raise AssertionError


async def _crashes(unit: CheckUnit) -> Verdict:
    raise RuntimeError("the guard broke")


async def _answers_garbage(unit: CheckUnit) -> Any:
    return "safe"


async def _dies_later(unit: CheckUnit) -> Verdict:
    for _ in range(20):
        await asyncio.sleep(0)
    raise ConnectionResetError


@pytest.mark.parametrize("streaming", ["buffered", "optimistic"])
@pytest.mark.parametrize(
    ("fails", "ends_with"),
    [
        (_hangs, GuardUnavailable),
        (_crashes, RuntimeError),
        (_answers_garbage, AttributeError),
        (_dies_later, ConnectionResetError),
    ],
)
async def test_a_guard_that_fails_at_any_unit_ends_the_attempt_and_loses_nothing(
    streaming: Streaming, fails: Any, ends_with: type[Exception]
) -> None:
    """No failure passes for "allowed", and the next attempt goes on from what was shown to the same text."""
    num_units = await _num_units()
    assert num_units >= 4
    for failing in range(num_units):

        async def judge(unit: CheckUnit, failing: int = failing) -> Verdict:
            return await (fails(unit) if unit.number == failing else judging()(unit))

        reader = Reader(streaming)
        with pytest.raises(ends_with):
            await reader.read(TEXT, judge)
        assert not reader.is_finished
        assert failing not in reader.passed
        again = Reader(streaming)
        await again.read(TEXT[len(reader.shown) :], judging(), written=reader.shown)
        assert reader.shown + again.shown == TEXT
        assert again.is_finished


async def _num_units() -> int:
    reader = Reader()
    await reader.read(TEXT, judging())
    return len(reader.passed)


@given(
    offset=st.integers(0, len(TEXT)),
    size=st.integers(1, 40),
    delays=st.lists(st.integers(0, 60), min_size=20, max_size=20),
    streaming=st.sampled_from(["buffered", "optimistic"]),
)
def test_no_schedule_of_verdicts_lets_a_character_out(
    offset: int, size: int, delays: list[int], streaming: Streaming
) -> None:
    """Verdicts overtake each other and the model in every way; the reader checks at each piece of text it is shown."""
    reader = Reader(streaming)
    text = TEXT[:offset] + POISON + TEXT[offset:]
    asyncio.run(reader.read(text, judging(lambda unit: delays[unit.number % 20]), size=size))
    assert reader.withheld is not None
    if streaming == "buffered":
        assert POISON not in reader.shown


async def test_a_unit_that_asks_for_more_than_those_before_it_is_told_once() -> None:
    """A long answer full of the same advice is one entry on record, not one for each sentence."""
    actions: list[Action] = ["allow", "inform", "inform", "warn", "inform"]

    async def judge(unit: CheckUnit) -> Verdict:
        return verdict(actions[min(unit.number, 4)])

    reader = Reader()
    await reader.read(TEXT, judge)
    assert [judged.verdict.action for judged in reader.judged] == ["inform", "warn"]
    assert all(judged.start < judged.end for judged in reader.judged)


async def test_the_record_of_the_whole_has_the_highest_scores_of_its_parts() -> None:
    """Else a stricter policy, tried on the record, would seem to withhold less than it will."""
    found: list[dict[str, float | None]] = [{"hate": 0.2, "privacy": 0.4}, {"hate": 0.45}, {"elections": None}]

    async def check(unit: CheckUnit) -> Verdict:
        action: Action = "warn" if unit.number == 1 else "allow"
        return replace(verdict(action), categories=found[min(unit.number, 2)], violated=("hate",) * (action == "warn"))

    stream = GuardedStream(
        pieces_of(TEXT, 3), check, written="", streaming="buffered", late_s=60.0, mark=lambda stage: None
    )
    assert [item async for item in stream.read()]
    whole = stream.on_record(replace(verdict("allow"), categories={"hate": 0.1, "privacy": 0.5}))
    assert dict(whole.categories) == {"hate": 0.45, "privacy": 0.5, "elections": None}
    assert (whole.action, whole.violated) == ("warn", ("hate",))
    assert stream.on_record(verdict("block")).action == "block"


async def test_a_violation_that_no_unit_holds_alone_is_found_with_what_comes_before() -> None:
    """Cut by a border at every offset: the unit is read in the light of the words before it."""
    spanning = "poisonous"
    seen_across = 0
    for offset in range(len(TEXT) + 1):
        text = TEXT[:offset] + " poi. so nous " + TEXT[offset:]

        async def judge(unit: CheckUnit) -> Verdict:
            read = "".join(filter(str.isalpha, unit.text_in_context))
            return verdict("block" if spanning in read else "allow")

        reader = Reader()
        await reader.read(text, judge)
        assert reader.withheld is not None, offset
        assert "nous " not in reader.shown
        seen_across += "poi" in reader.shown
    assert seen_across, "no border fell into it"
