"""POST /v1/completions: raw prompts continued, for programs that build their prompts themselves."""

import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inference.engine.request import End, Piece, PositionLogprobs
from inference.server.bodies import read_json
from inference.server.completion_request import CompletionRequest, Prompt, parse_completion_request
from inference.server.exchange import answered, model_for
from inference.server.frames import framed
from inference.server.generations import raw_prompt
from inference.server.replies import WholeReply, usage
from inference.server.serving import ChatModel


async def completions(request: Request) -> Response:
    """Raises RequestRefused for everything that is wrong before the first token."""
    wanted = parse_completion_request(await read_json(request))
    model = model_for(request, wanted.model)
    return await answered(
        request,
        wanted,
        model,
        _Answer(wanted, model),
        lambda: [raw_prompt(prompt, model) for prompt in wanted.prompts],
    )


class _Answer:
    """The JSON that tells a client about completions: `n` choices for the first prompt, then for the second, ..."""

    def __init__(self, wanted: CompletionRequest, model: ChatModel) -> None:
        self._wanted = wanted
        self._model = model
        self.id = f"cmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._num_choices = len(wanted.prompts) * wanted.num_choices
        self._num_chars = [0] * self._num_choices

    def frames(self, events: AsyncIterator[tuple[int, Piece | End]]) -> AsyncIterator[str]:
        """The replies as server-sent events."""
        return framed(self._chunks(events))

    async def _chunks(self, events: AsyncIterator[tuple[int, Piece | End]]) -> AsyncIterator[dict[str, Any]]:
        """OpenAI's stream: a chunk per piece, one with the reason for each choice, usage if asked for."""
        ends: dict[int, End] = {}
        for index in range(self._num_choices if self._wanted.echoes else 0):
            yield {**self._head(), "choices": [self._choice(index, self._echo(index), (), (), None)]}
        async for index, event in events:
            if isinstance(event, Piece):
                choice = self._choice(index, event.text, event.token_ids, event.logprobs, None)
            else:
                ends[index] = event
                choice = self._choice(index, "", (), (), event.finish_reason)
            yield {**self._head(), "choices": [choice]}
        if self._wanted.includes_usage:
            yield {**self._head(), "choices": [], "usage": self._usage([ends[index] for index in sorted(ends)])}

    def body(self, replies: Sequence[WholeReply]) -> dict[str, Any]:
        """The replies in one object."""
        choices = [
            self._choice(
                index, self._echo(index) + reply.text, reply.token_ids, reply.logprobs, reply.end.finish_reason
            )
            for index, reply in enumerate(replies)
        ]
        return {**self._head(), "choices": choices, "usage": self._usage([reply.end for reply in replies])}

    def _usage(self, ends: Sequence[End]) -> dict[str, Any]:
        return usage(ends, num_choices=self._wanted.num_choices)

    def _echo(self, index: int) -> str:
        """The prompt of a choice, if the client wants to have it back."""
        if not self._wanted.echoes:
            return ""
        return _text_of(self._wanted.prompts[index // self._wanted.num_choices], self._model)

    def _head(self) -> dict[str, Any]:
        return {"id": self.id, "object": "text_completion", "created": self._created, "model": self._model.card.id}

    def _choice(
        self,
        index: int,
        text: str,
        token_ids: Sequence[int],
        logprobs: Sequence[PositionLogprobs],
        finish_reason: str | None,
    ) -> dict[str, Any]:
        choice: dict[str, Any] = {
            "index": index,
            "text": text,
            "logprobs": self._logprobs(index, logprobs),
            "finish_reason": finish_reason,
        }
        return choice | {"token_ids": list(token_ids)} if self._wanted.returns_token_ids else choice

    def _logprobs(self, index: int, positions: Sequence[PositionLogprobs]) -> dict[str, Any] | None:
        if self._wanted.sampling.num_logprobs is None:
            return None
        name = self._model.checkpoint.tokenizer.token_text
        tokens, offsets = [name(at.chosen.token_id) for at in positions], []
        for token in tokens:
            offsets.append(self._num_chars[index])
            self._num_chars[index] += len(token)
        return {
            "tokens": tokens,
            "token_logprobs": [at.chosen.logprob for at in positions],
            "top_logprobs": [{name(top.token_id): top.logprob for top in at.top} for at in positions],
            "text_offset": offsets,
        }


def _text_of(prompt: Prompt, model: ChatModel) -> str:
    return prompt if isinstance(prompt, str) else model.checkpoint.tokenizer.decode_markup(prompt)
