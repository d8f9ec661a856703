"""No character of code is shown before its verdict, wherever it stands and however it is marked."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.guarded import GuardedStream, Released, Streaming, Withheld
from assistant.safety.code_gate import CodeGate
from assistant.safety.code_shield.blocks import code_blocks
from assistant.safety.release import CheckUnit
from assistant.safety.verdict import Verdict
from tests.assistant.test_guarded import pieces_of, verdict

PROSE = "Llamas keep warm with thick wool. It traps the air, which is what keeps them warm in winter.\n\n"
AFTER = "\nThat is all there is to it, really. Ask me for more, and I will tell you all of it!\n"
CODE = "eval(llama)\nwool = eval(air)\n"
BLOCKS = {
    "fence": f"```python\n{CODE}```\n",
    "tildes": f"~~~\n{CODE}~~~\n",
    "open fence": f"```python\n{CODE}",
    "indented": "    eval(llama)\n    wool = eval(air)\n",
    "in a list": "- Do this:\n\n  ```python\n  eval(llama)\n  wool = eval(air)\n  ```\n",
    "list of indented code": "1.     eval(llama)\n",
    "quoted": "> ```\n> eval(llama)\n> ```\n",
    "whole answer in Markdown": f"````markdown\nSee:\n\n```python\n{CODE}```\n````\n",
    "long": "```python\n" + CODE * 12 + "```\n",
    "behind a lone carriage return": f"Do this:\r```python\n{CODE}```\n",
    "with other line ends": "A\rb\r\rc:\r\n\r\n```python\reval(llama)\r\nwool = eval(air)\r\n```\r\n",
}
Delay = Callable[[int], int]


@dataclass
class Reader:
    """Reads a stream and holds at every moment what is shown against the code that was looked through by then."""

    text: str
    streaming: Streaming = "buffered"
    refuses: str = "\0"
    takes: int = 0
    shown: str = ""
    scanned: list[str] = field(default_factory=list)
    withheld: Withheld | None = None
    is_finished: bool = False

    async def scan(self, text: str) -> Verdict | None:
        for _ in range(self.takes):
            await asyncio.sleep(0)
        is_refused = any(self.refuses in block.code for block in code_blocks(text))
        if not is_refused:
            self.scanned.append(text)
        return verdict("block") if is_refused else None

    async def read(self, *, size: int = 3, written: str = "") -> None:
        async def check(unit: CheckUnit) -> Verdict:
            return verdict("allow")

        stream = GuardedStream(
            pieces_of(self.text, size),
            check,
            written=written,
            streaming=self.streaming,
            late_s=60.0,
            mark=lambda stage: None,
            scan_code=self.scan,
        )
        try:
            async for item in stream.read():
                if isinstance(item, Released):
                    self.shown += item.text
                    self._holds()
                else:
                    self.is_finished = True
        except Withheld as withheld:
            self.withheld = withheld

    def _holds(self) -> None:
        looked_through = sum(text.count("eval") for text in self.scanned[-1:])
        assert self.shown.count("eval") <= looked_through, "code left before its verdict"


@pytest.mark.parametrize("takes", [0, 25])
@pytest.mark.parametrize("streaming", ["buffered", "optimistic"])
@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
async def test_code_is_shown_after_it_was_looked_through(block: str, streaming: Streaming, takes: int) -> None:
    """All of the answer comes, in order, and the prose before the code does not wait for it."""
    for size in (2, 50, 5000):
        reader = Reader(PROSE + block + AFTER, streaming, takes=takes)
        await reader.read(size=size)
        assert (reader.shown, reader.is_finished) == (reader.text, True)
        assert reader.scanned


@pytest.mark.parametrize("streaming", ["buffered", "optimistic"])
@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
async def test_refused_code_is_never_seen(block: str, streaming: Streaming) -> None:
    """At every few offsets of the prose, whatever the pieces are; all that was written is handed over."""
    for offset in range(0, len(PROSE), 11):
        text = f"{PROSE[:offset].rstrip()}\n\n{block}{AFTER}"
        reader = Reader(text, streaming, refuses="eval", takes=offset % 4)
        await reader.read(size=2 + offset % 5)
        assert reader.withheld is not None, offset
        assert not reader.is_finished
        assert "eval" not in reader.shown
        assert text.startswith(reader.withheld.text)
        assert "eval" in reader.withheld.text
        assert reader.withheld.text.startswith(reader.shown)


async def test_text_goes_on_after_code_that_passed_and_stops_at_code_that_does_not() -> None:
    """The second block is held while what stands between the two is shown."""
    good, bad = "```python\neval(llama)\n```\n\n", "```python\nexec(llama)\n```\n"
    text = f"{PROSE}{good}And now the other one, which is not as good:\n\n{bad}"
    reader = Reader(text + AFTER, refuses="exec")
    await reader.read()
    assert reader.withheld is not None
    assert reader.shown.rstrip().endswith("not as good:")


async def test_an_answer_that_is_continued_is_held_from_its_open_code_on() -> None:
    """An earlier attempt may have shown the beginning of a block, under a policy that only warned."""
    written = f"{PROSE}```python\neval(llama)\n"
    reader = Reader("exec(llama)\n```\n" + AFTER, refuses="exec")
    await reader.read(written=written)
    assert reader.withheld is not None
    assert reader.withheld.text.startswith(written)
    assert reader.shown == ""


async def test_without_code_nothing_is_scanned_and_nothing_waits() -> None:
    reader = Reader(PROSE + "- a list\n  - of llamas\n\n    and more of it\n" + AFTER)
    await reader.read()
    assert (reader.shown, reader.scanned) == (reader.text, [])


@pytest.mark.parametrize("begins", ["Llamas", "- llamas", "1. **Llamas", "> `llamas`", "12 llamas", "$ x", "🦙 llamas"])
def test_a_line_that_is_no_code_is_not_read_anew_with_each_piece(begins: str) -> None:
    """Of an answer of many lines the parser reads everything; once for each line is enough."""

    async def scan(text: str) -> Verdict | None:
        raise AssertionError("there is no code")

    gate = CodeGate(scan, on_news=lambda: None)
    text = "\n".join([f"{begins} keep warm with wool, {'and it traps the air, ' * 40}you know."] * 40)
    began = time.thread_time()
    for end in range(1, len(text), 4):
        assert gate.open_until(text[:end], wanted=end, is_whole=False) == end
    assert time.thread_time() - began < 0.5


@given(
    parts=st.lists(
        st.sampled_from(
            [
                "```",
                "```py\n",
                "~~~\n",
                "\n",
                "\n\n",
                "    ",
                "\t",
                "\r",
                "\r\n",
                "- ",
                "1. ",
                "1",
                "*",
                "$$",
                "> ",
                "eval(x)",
                "a ",
                "Go. ",
                "``",
                "`",
            ]
        ),
        max_size=25,
    ),
    size=st.integers(1, 9),
    takes=st.integers(0, 12),
    streaming=st.sampled_from(["buffered", "optimistic"]),
)
def test_whatever_is_written_no_refused_code_is_shown(
    parts: list[str], size: int, takes: int, streaming: Streaming
) -> None:
    """What counts as code is what the page would show as code of the text that has come so far."""
    text = "".join(parts)
    reader = Reader(text, streaming, refuses="eval", takes=takes)
    reader._holds = lambda: None  # type: ignore[method-assign]  # "eval" in prose is no code
    asyncio.run(reader.read(size=size))
    assert reader.withheld is not None or reader.shown == text
    assert not any("eval" in block.code for block in code_blocks(reader.shown))
