"""What the model says in one answer, over as many rounds as it calls tools in.

    prompt ▶ pieces ▶ calls ▶ tools ▶ prompt with their results ▶ pieces ▶ end

Calls and results stand before what is written of the answer, which the model then continues, whatever came first.
"""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace

from assistant.guarded import Withheld
from assistant.ports import ChatModel, GeneratedPiece, GenerationEnd, GenerationRequest, Passage, ToolCall, ToolOffer
from assistant.prompt import Prompt, assemble, count_tokens, estimate_tokens
from assistant.reply import Written
from assistant.safety.verdict import Verdict
from assistant.tools.toolbox import Toolbox, asked_for
from assistant.turn_state import Turn, TurnConfig

Pieces = AsyncGenerator[GeneratedPiece | GenerationEnd, None]

MAX_TOOL_ROUNDS = 4
MAX_CALLS_A_ROUND = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """One attempt at an answer. `check` judges what the model says in it."""

    model: ChatModel
    turn: Turn
    passages: tuple[Passage, ...]
    toolbox: Toolbox
    config: TurnConfig
    check: Callable[[str], Awaitable[Verdict]]

    def prompt(self, written: Written) -> Prompt:
        """What the model is asked, with what is written of the answer and what its calls have brought."""
        offered = sum(estimate_tokens(json.dumps(asdict(offer))) for offer in self._offers)
        return assemble(
            self.turn.history,
            self.passages,
            written,
            budget_tokens=self.config.prompt_tokens - offered,
            system_prompt=self.turn.system_prompt,
            canary=self.turn.canary,
            personal=self.turn.personal,
            only_related_memories=not self.config.calls_tools,
            results=self.toolbox.results,
            calls=self.toolbox.call_messages,
            num_given=self.turn.num_given,
            summary=self.turn.summary,
            passage_tokens=self.config.passage_tokens,
        )

    @property
    def _offers(self) -> tuple[ToolOffer, ...]:
        return self.toolbox.offers if self.config.calls_tools else ()

    async def pieces(self) -> Pieces:
        """What the model says, over as many rounds as it calls tools in; or what a tool says, if that answers it all.

        A small model garbles what it is told to repeat, so what a tool has worked out is then the answer as it stands.
        """
        if self.toolbox.answer.startswith(self.turn.written.text) and self.toolbox.answer:
            yield GeneratedPiece(text=self.toolbox.answer.removeprefix(self.turn.written.text))
            yield GenerationEnd(finish_reason="stop")
            return
        written = self.turn.written
        for num_rounds_left in range(MAX_TOOL_ROUNDS, -1, -1):
            offers = self._offers if num_rounds_left else ()
            calls: tuple[ToolCall, ...] = ()
            async with aclosing(self.model.stream(self._request(written, offers))) as pieces:
                async for item in pieces:
                    if isinstance(item, GeneratedPiece):
                        # The ids of a reply are those of one run of the model; calls stand between two.
                        piece = item if written.token_ids or not written.text else replace(item, token_ids=())
                        written = _with_piece(written, piece)
                        yield piece
                    elif item.calls and offers:
                        calls = item.calls
                    else:
                        yield item
            if not calls:
                return
            written = replace(written, token_ids=())
            for call in calls[:MAX_CALLS_A_ROUND]:
                await self._answer(call, written)

    async def _answer(self, call: ToolCall, written: Written) -> None:
        """Its arguments are the model's words like any others: the person sees them, and a search sends them out.

        Raises Withheld if the guard blocks them.
        """
        asked = asked_for(call)
        verdict = await self.check(asked)
        if verdict.blocks:
            text = f"{written.text}\n\n{asked}".strip()
            raise Withheld(verdict, start=len(text) - len(asked), end=len(text), text=text)
        await self.toolbox.answer_call(call)

    def _request(self, written: Written, offers: tuple[ToolOffer, ...]) -> GenerationRequest:
        num_written = count_tokens(written.text, written.token_ids) - self.turn.num_given
        return GenerationRequest(
            messages=self.prompt(written).messages,
            continues=bool(written.text),
            max_tokens=max(1, self.config.max_reply_tokens - max(0, num_written)),
            temperature=self.config.temperature,
            top_p=self.config.top_p,
            seed=self.turn.seed,
            tools=offers,
        )


def _with_piece(written: Written, piece: GeneratedPiece) -> Written:
    has_ids = bool(piece.token_ids) or not piece.text
    return replace(
        written,
        text=written.text + piece.text,
        token_ids=(*written.token_ids, *piece.token_ids) if has_ids else (),
    )
