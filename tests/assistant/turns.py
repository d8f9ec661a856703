"""The turn pipeline with stand-ins at its ports: a model with a script, a guard that knows a word, a kept journal."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

from assistant.errors import ModelUnavailable
from assistant.personal import Used
from assistant.ports import ChatMessage, GeneratedPiece, GenerationEnd, GenerationRequest, Passage
from assistant.reply import GrowingReply, Written
from assistant.safety.code_badges import CodeBadge
from assistant.safety.code_shield.report import CodeReport
from assistant.safety.verdict import Verdict
from assistant.tools.steps import Step
from assistant.tools.tool import Tool
from assistant.turn import Turn, TurnConfig, TurnRunner
from assistant.window import Filled

CONFIG = TurnConfig(
    context_tokens=2048, max_reply_tokens=512, temperature=0.0, top_p=1.0, num_passages=3, flush_interval_s=0.01
)

QUESTION = ChatMessage(role="user", text="How do llamas keep warm?")

ANSWER = "They grow thick wool. It traps air near the skin. That is all there is to it, really.\n\nAsk me more!"


class ScriptedModel:
    """Says `answer` a few characters at a time; each character is its own token."""

    def __init__(self, answer: str, *, breaks_after: int | None = None) -> None:
        self.answer = answer
        self.breaks_after = breaks_after
        self.requests: list[GenerationRequest] = []
        self.is_closed = False

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        self.requests.append(request)
        start = len(request.messages[-1].token_ids) if request.continues else 0
        try:
            for position in range(start, len(self.answer), 3):
                if self.breaks_after is not None and position >= self.breaks_after:
                    raise ModelUnavailable
                text = self.answer[position : position + 3]
                yield GeneratedPiece(text=text, token_ids=tuple(map(ord, text)))
                await asyncio.sleep(0.002)
            yield GenerationEnd(finish_reason="stop", reply_tokens=len(self.answer) - start)
        finally:
            self.is_closed = True


class WordGuard:
    """Blocks whatever has the word in its last message. Remembers what it was shown."""

    def __init__(self, word: str = "\0") -> None:
        self.word = word
        self.seen: list[str] = []

    async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
        self.seen.append(conversation[-1].text)
        action: Any = "block" if self.word in conversation[-1].text else "allow"
        return Verdict(
            action=action,
            score=float(action == "block"),
            categories={"hate": 1.0} if action == "block" else {},
            guard_id="words",
            policy_version="test",
            latency_ms=0.0,
        )


class Shelf:
    def __init__(self, *passages: Passage) -> None:
        self.passages = passages

    async def search(self, query: str, *, k: int) -> Sequence[Passage]:
        return self.passages[:k]


class NoCode:
    """A Code Shield that has nothing to say."""

    async def scan(self, text: str) -> CodeReport:
        return CodeReport()


class Notebook:
    """A journal that keeps every entry."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, Any]] = []
        self.original = ""
        self.code: Sequence[CodeBadge] = ()

    def mark(self, stage: str) -> None:
        pass

    async def phase(self, phase: str) -> None:
        self.entries.append(("phase", phase))

    async def alive(self) -> None:
        pass

    async def judged(self, direction: str, verdict: Verdict, start: int, end: int) -> None:
        self.entries.append(("judged", (direction, verdict.action, start, end)))

    async def used(self, used: Used) -> None:
        self.entries.append(("used", used))

    async def step(self, step: Step) -> None:
        self.entries.append(("step", step))

    async def quoted(self, passages: Sequence[Passage], filled: Filled) -> None:
        self.entries.append(("quoted", [passage.title for passage in passages]))

    async def wrote(self, reply: GrowingReply) -> None:
        reply.take_news()
        self.entries.append(("wrote", reply.written))

    async def finished(self, reply: GrowingReply, end: GenerationEnd, code: Sequence[CodeBadge]) -> None:
        self.entries.append(("finished", reply.written))
        self.code = code

    async def withheld(self, direction: str, verdict: Verdict, text: str) -> None:
        self.entries.append(("withheld", direction))
        self.original = text

    def of(self, kind: str) -> list[Any]:
        return [entry for name, entry in self.entries if name == kind]


PASSAGE = Passage(
    passage_id=7, document_id="d", title="Wool", text="Wool is warm.", url="/w", score=0.9, char_start=0, char_end=13
)


def turn(*, written: Written | None = None, **known: Any) -> Turn:
    fields: dict[str, Any] = {"history": (QUESTION,), "input_checked": False, "passages": None, "seed": 1} | known
    return Turn(written=written or Written(), **fields)


async def run(
    model: ScriptedModel,
    guard: WordGuard,
    what: Turn,
    notebook: Notebook | None = None,
    shelf: Any = None,
    *,
    code_shield: Any = None,
    tools: tuple[Tool, ...] = (),
    memory: Any = None,
    **config: Any,
) -> Notebook:
    notebook = notebook or Notebook()
    runner = TurnRunner(
        model=model,
        guard=guard,
        code_shield=code_shield or NoCode(),
        index=shelf or Shelf(PASSAGE),
        journal=notebook,
        config=replace(CONFIG, **config),
        tools=tools,
        memory=memory,
    )
    await runner.run(what)
    return notebook
