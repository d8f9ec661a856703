"""POST /v1/completions: raw prompts continued, for programs that build their prompts themselves."""

import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inference.engine.request import End, Piece, PositionLogprobs
from inference.server.bodies import read_json
from inference.server.completion_logprobs import CompletionLogprobs, LogprobLists
from inference.server.completion_request import CompletionRequest, Prompt, parse_completion_request
from inference.server.exchange import answered, model_for
from inference.server.frames import framed
from inference.server.generations import raw_prompt
from inference.server.replies import WholeReply, usage
from inference.server.serving import ChatModel
from inference.text.chat import ChatPrompt


async def completions(request: Request) -> Response:
    """Raises RequestRefused for everything that is wrong before the first token."""
    wanted = parse_completion_request(await read_json(request))
    model = model_for(request, wanted.model)
    answer = _Answer(wanted, model)
    return await answered(request, wanted, model, answer, answer.read_prompts)


class _Answer:
    """The JSON that tells a client about completions: `n` choices for the first prompt, then for the second, ..."""

    def __init__(self, wanted: CompletionRequest, model: ChatModel) -> None:
        self._wanted = wanted
        self._model = model
        self.id = f"cmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._num_choices = len(wanted.prompts) * wanted.num_choices
        self._prompts: list[ChatPrompt] = []
        self._logprobs = [CompletionLogprobs(model.checkpoint.tokenizer) for _ in range(self._num_choices)]

    def read_prompts(self) -> list[ChatPrompt]:
        """The prompts in token ids. Raises InvalidRequest."""
        self._prompts = [raw_prompt(prompt, self._model) for prompt in self._wanted.prompts]
        return self._prompts

    def frames(self, events: AsyncIterator[tuple[int, Piece | End]]) -> AsyncIterator[str]:
        """The replies as server-sent events."""
        return framed(self._chunks(events))

    async def _chunks(self, events: AsyncIterator[tuple[int, Piece | End]]) -> AsyncIterator[dict[str, Any]]:
        """OpenAI's stream: a chunk per piece, one with the reason for each choice, usage if asked for.

        An echoed prompt comes in a chunk of its own: at once, or with its log probabilities.
        """
        ends: dict[int, End] = {}
        echoes_at_once = self._wanted.echoes and self._wanted.sampling.num_prompt_logprobs is None
        for index in range(self._num_choices if echoes_at_once else 0):
            yield {**self._head(), "choices": [self._choice(index, self._echo(index), (), LogprobLists())]}
        async for index, event in events:
            if isinstance(event, End):
                ends[index] = event
                choice = self._choice(index, "", (), LogprobLists(), event.finish_reason)
            elif event.prompt_logprobs is not None:
                choice = self._choice(index, self._echo(index), (), self._of_prompt(index, event.prompt_logprobs))
            else:
                logprobs = self._logprobs[index].of_reply(event.logprobs)
                choice = self._choice(index, event.text, event.token_ids, logprobs)
            yield {**self._head(), "choices": [choice]}
        if self._wanted.includes_usage:
            yield {**self._head(), "choices": [], "usage": self._usage([ends[index] for index in sorted(ends)])}

    def body(self, replies: Sequence[WholeReply]) -> dict[str, Any]:
        """The replies in one object."""
        choices = [self._whole(index, reply) for index, reply in enumerate(replies)]
        return {**self._head(), "choices": choices, "usage": self._usage([reply.end for reply in replies])}

    def _whole(self, index: int, reply: WholeReply) -> dict[str, Any]:
        prompt = self._of_prompt(index, reply.prompt_logprobs) if reply.prompt_logprobs is not None else LogprobLists()
        logprobs = prompt + self._logprobs[index].of_reply(reply.logprobs)
        return self._choice(index, self._echo(index) + reply.text, reply.token_ids, logprobs, reply.end.finish_reason)

    def _usage(self, ends: Sequence[End]) -> dict[str, Any]:
        return usage(ends, num_choices=self._wanted.num_choices)

    def _echo(self, index: int) -> str:
        """The prompt of a choice, if the client wants to have it back."""
        if not self._wanted.echoes:
            return ""
        return _text_of(self._wanted.prompts[index // self._wanted.num_choices], self._model)

    def _head(self) -> dict[str, Any]:
        return {"id": self.id, "object": "text_completion", "created": self._created, "model": self._model.card.id}

    def _of_prompt(self, index: int, positions: Sequence[PositionLogprobs]) -> LogprobLists:
        prompt_ids = self._prompts[index // self._wanted.num_choices].ids
        return self._logprobs[index].of_prompt(self._echo(index), prompt_ids, positions)

    def _choice(
        self,
        index: int,
        text: str,
        token_ids: Sequence[int],
        logprobs: LogprobLists,
        finish_reason: str | None = None,
    ) -> dict[str, Any]:
        choice: dict[str, Any] = {
            "index": index,
            "text": text,
            "logprobs": None if self._wanted.sampling.num_logprobs is None else logprobs.json(),
            "finish_reason": finish_reason,
        }
        return choice | {"token_ids": list(token_ids)} if self._wanted.returns_token_ids else choice


def _text_of(prompt: Prompt, model: ChatModel) -> str:
    return prompt if isinstance(prompt, str) else model.checkpoint.tokenizer.decode_markup(prompt)
