"""POST /v1/completions: a raw prompt continued, for programs that build their prompts themselves."""

import asyncio
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inference.engine.request import GenerationRequest, Piece, PositionLogprobs, SamplingParams
from inference.errors import InvalidRequest
from inference.server.bodies import read_json
from inference.server.chat import model_knows
from inference.server.completion_request import CompletionRequest, parse_completion_request
from inference.server.replies import CLIENT_CLOSED_REQUEST, EventStream, RunningReply, usage
from inference.server.serving import ChatModel, Serving


async def completions(request: Request) -> Response:
    """Raises RequestRefused for everything that is wrong before the first token."""
    serving: Serving = request.app.state.serving
    wanted = parse_completion_request(await read_json(request))
    model = serving.chat_model(wanted.model)
    generation = await asyncio.to_thread(generation_request, wanted, model)
    reply = RunningReply(generation, model.engine, request.app.state.chat_metrics.timer())
    answer = _Answer(reply, wanted, model)
    reply.start()
    if wanted.is_stream:
        return EventStream(reply, answer.chunks())
    whole = await reply.whole(request)
    if whole is None:
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    choice = answer.choice(whole.text, whole.token_ids, whole.logprobs, whole.end.finish_reason)
    return JSONResponse({**answer.head(), "choices": [choice], "usage": usage(whole.end)})


def generation_request(wanted: CompletionRequest, model: ChatModel) -> GenerationRequest:
    """The prompt in token ids, with the beginning-of-text token where the model was trained with one.

    Raises InvalidRequest for a token id that the model does not know.
    """
    if isinstance(wanted.prompt, str):
        prompt_ids = model.checkpoint.tokenizer.encode_markup(wanted.prompt)
        bos_ids = model.checkpoint.chat_format.bos_ids
        prompt_ids = prompt_ids if prompt_ids[: len(bos_ids)] == list(bos_ids) else [*bos_ids, *prompt_ids]
    else:
        prompt_ids = list(wanted.prompt)
        if not model_knows(prompt_ids, model):
            raise InvalidRequest("A token id is not in the model's vocabulary.", code="invalid_value", param="prompt")
    return GenerationRequest(
        request_id=f"cmpl-{uuid.uuid4().hex}",
        prompt_ids=tuple(prompt_ids),
        max_tokens=wanted.max_tokens,
        stop_strings=wanted.stop,
        sampling=SamplingParams(
            temperature=wanted.temperature,
            top_p=wanted.top_p,
            top_k=wanted.top_k,
            dry_multiplier=wanted.dry_multiplier,
            seed=secrets.randbits(63) if wanted.seed is None else wanted.seed,
            num_logprobs=wanted.num_logprobs,
        ),
    )


class _Answer:
    """The JSON that tells a client about a completion."""

    def __init__(self, reply: RunningReply, wanted: CompletionRequest, model: ChatModel) -> None:
        self._reply = reply
        self._wanted = wanted
        self._model = model
        self._created = int(time.time())
        self._num_chars = 0

    async def chunks(self) -> AsyncIterator[dict[str, Any]]:
        """OpenAI's stream: a chunk per piece, one with the reason, usage if asked for."""
        async for event in self._reply.events():
            if isinstance(event, Piece):
                choice = self.choice(event.text, event.token_ids, event.logprobs, None)
            else:
                choice = self.choice("", (), (), event.finish_reason)
            yield {**self.head(), "choices": [choice]}
            if not isinstance(event, Piece) and self._wanted.includes_usage:
                yield {**self.head(), "choices": [], "usage": usage(event)}

    def head(self) -> dict[str, Any]:
        return {
            "id": self._reply.generation.request_id,
            "object": "text_completion",
            "created": self._created,
            "model": self._model.card.id,
        }

    def choice(
        self,
        text: str,
        token_ids: Sequence[int],
        logprobs: Sequence[PositionLogprobs],
        finish_reason: str | None,
    ) -> dict[str, Any]:
        choice: dict[str, Any] = {
            "index": 0,
            "text": text,
            "logprobs": self._logprobs(logprobs),
            "finish_reason": finish_reason,
        }
        return choice | {"token_ids": list(token_ids)} if self._wanted.returns_token_ids else choice

    def _logprobs(self, positions: Sequence[PositionLogprobs]) -> dict[str, Any] | None:
        if self._wanted.num_logprobs is None:
            return None
        name = self._model.checkpoint.tokenizer.token_text
        tokens, offsets = [name(at.chosen.token_id) for at in positions], []
        for token in tokens:
            offsets.append(self._num_chars)
            self._num_chars += len(token)
        return {
            "tokens": tokens,
            "token_logprobs": [at.chosen.logprob for at in positions],
            "top_logprobs": [{name(top.token_id): top.logprob for top in at.top} for at in positions],
            "text_offset": offsets,
        }
