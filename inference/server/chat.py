"""POST /v1/chat/completions: one reply, whole or as server-sent events."""

import asyncio
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inference.engine.request import GenerationRequest, Piece, PositionLogprobs, SamplingParams, TokenLogprob
from inference.errors import InvalidRequest
from inference.server.bodies import read_json
from inference.server.chat_request import ChatRequest, parse_chat_request
from inference.server.replies import CLIENT_CLOSED_REQUEST, EventStream, RunningReply, WholeReply, usage
from inference.server.serving import ChatModel, Serving
from inference.text.chat import build_prompt
from inference.text.tokenizer import Tokenizer


async def chat_completions(request: Request) -> Response:
    """Raises RequestRefused for everything that is wrong before the first token."""
    serving: Serving = request.app.state.serving
    wanted = parse_chat_request(await read_json(request))
    model = serving.chat_model(wanted.model)
    # Tokenising a long prompt takes a while; the event loop has other streams to serve.
    generation = await asyncio.to_thread(generation_request, wanted, model)
    reply = RunningReply(generation, model.engine, request.app.state.chat_metrics.timer())
    answer = _Answer(reply, wanted, model)
    reply.start()
    if wanted.is_stream:
        return EventStream(reply, answer.chunks())
    whole = await reply.whole(request)
    return Response(status_code=CLIENT_CLOSED_REQUEST) if whole is None else JSONResponse(answer.body(whole))


def generation_request(wanted: ChatRequest, model: ChatModel) -> GenerationRequest:
    """The prompt in token ids. Without `max_tokens` the reply may fill the context. Raises InvalidRequest."""
    for message in wanted.messages:
        if message.token_ids and not model_knows(message.token_ids, model):
            raise InvalidRequest("A token id is not in the model's vocabulary.", code="invalid_value", param="messages")
    prompt = build_prompt(model.checkpoint.chat_format, wanted.messages, continue_final=wanted.continues_final)
    room = max(model.max_context - len(prompt.ids), 1)
    sampling = SamplingParams(
        temperature=wanted.temperature,
        top_p=wanted.top_p,
        top_k=max(wanted.top_k, 0),
        dry_multiplier=wanted.dry_multiplier,
        seed=secrets.randbits(63) if wanted.seed is None else wanted.seed,
        num_logprobs=wanted.num_logprobs,
    )
    return GenerationRequest(
        request_id=f"chatcmpl-{uuid.uuid4().hex}",
        prompt_ids=prompt.ids,
        num_reply_ids=prompt.num_reply_ids,
        max_tokens=wanted.max_tokens or room,
        stop_strings=wanted.stop,
        sampling=sampling,
    )


def model_knows(token_ids: Sequence[int], model: ChatModel) -> bool:
    """Whether these are ids of the model's vocabulary, so that nothing a client sends indexes past the embedding."""
    return min(token_ids) >= 0 and max(token_ids) < model.checkpoint.shape.vocab_size


class _Answer:
    """The JSON that tells a client about a reply."""

    def __init__(self, reply: RunningReply, wanted: ChatRequest, model: ChatModel) -> None:
        self._reply = reply
        self._wanted = wanted
        self._model = model
        self._created = int(time.time())

    async def chunks(self) -> AsyncIterator[dict[str, Any]]:
        """OpenAI's stream: a chunk with the role, one per piece, one with the reason, usage if asked for."""
        yield self._chunk({"role": "assistant", "content": ""})
        async for event in self._reply.events():
            if isinstance(event, Piece):
                yield self._chunk({"content": event.text}, piece=event)
                continue
            yield self._chunk({}, finish_reason=event.finish_reason)
            if self._wanted.includes_usage:
                yield {**self._head("chat.completion.chunk"), "choices": [], "usage": usage(event)}

    def body(self, whole: WholeReply) -> dict[str, Any]:
        """The reply in one object."""
        choice: dict[str, Any] = {
            "index": 0,
            "message": {"role": "assistant", "content": whole.text, "refusal": None},
            "logprobs": self._logprobs(whole.logprobs),
            "finish_reason": whole.end.finish_reason,
        }
        if self._wanted.returns_token_ids:
            choice["token_ids"] = list(whole.token_ids)
        return {**self._head("chat.completion"), "choices": [choice], "usage": usage(whole.end)}

    def _chunk(
        self, delta: dict[str, Any], *, piece: Piece | None = None, finish_reason: str | None = None
    ) -> dict[str, Any]:
        logprobs = self._logprobs(piece.logprobs) if piece else None
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
        if self._wanted.returns_token_ids:
            choice["token_ids"] = list(piece.token_ids) if piece else []
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def _head(self, kind: str) -> dict[str, Any]:
        request_id, model_id = self._reply.generation.request_id, self._model.card.id
        return {"id": request_id, "object": kind, "created": self._created, "model": model_id}

    def _logprobs(self, positions: Sequence[PositionLogprobs]) -> dict[str, Any] | None:
        if self._wanted.num_logprobs is None:
            return None
        tokenizer = self._model.checkpoint.tokenizer
        content = [
            {**_token_json(at.chosen, tokenizer), "top_logprobs": [_token_json(top, tokenizer) for top in at.top]}
            for at in positions
        ]
        return {"content": content, "refusal": None}


def _token_json(token: TokenLogprob, tokenizer: Tokenizer) -> dict[str, Any]:
    spelled = list(tokenizer.token_bytes(token.token_id))
    return {"token": tokenizer.token_text(token.token_id), "logprob": token.logprob, "bytes": spelled}
