"""The JSON that tells a client about the replies to a conversation."""

import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

from inference.engine.request import End, Piece, PositionLogprobs, TokenLogprob
from inference.server.calls import CallReader, tool_calls_json
from inference.server.chat_request import ChatRequest
from inference.server.replies import WholeReply, usage
from inference.server.serving import ChatModel
from inference.text.tokenizer import Tokenizer
from inference.text.tools import parse_calls


class ChatAnswer:
    """Answers one request, with one choice for each reply."""

    def __init__(self, wanted: ChatRequest, model: ChatModel) -> None:
        self._wanted = wanted
        self._model = model
        self.id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())

    async def chunks(self, events: AsyncIterator[tuple[int, Piece | End]]) -> AsyncIterator[dict[str, Any]]:
        """OpenAI's stream: for each choice a chunk with the role, one per piece, one with the reason; then usage."""
        num_choices, names = self._wanted.num_choices, self._wanted.tools.names
        for index in range(num_choices):
            yield self._chunk(index, {"role": "assistant", "content": ""})
        readers = [CallReader(names) for _ in range(num_choices)]
        ends: list[End] = []
        async for index, event in events:
            if isinstance(event, Piece):
                if shown := readers[index].push(event):
                    yield self._chunk(index, {"content": shown.text}, piece=shown)
                continue
            ends.append(event)
            for chunk in self._last_chunks(index, readers[index], event):
                yield chunk
        if self._wanted.includes_usage:
            counts = usage(ends, num_choices=num_choices)
            yield {**self._head("chat.completion.chunk"), "choices": [], "usage": counts}

    def _last_chunks(self, index: int, reader: CallReader, end: End) -> list[dict[str, Any]]:
        calls, held = reader.finish()
        chunks = []
        if calls:
            deltas = [{"index": number, **call} for number, call in enumerate(tool_calls_json(calls))]
            chunks.append(self._chunk(index, {"tool_calls": deltas}, piece=held))
        elif held:
            chunks.append(self._chunk(index, {"content": held.text}, piece=held))
        return [*chunks, self._chunk(index, {}, finish_reason="tool_calls" if calls else end.finish_reason)]

    def body(self, replies: Sequence[WholeReply]) -> dict[str, Any]:
        """The replies in one object."""
        counts = usage([reply.end for reply in replies], num_choices=self._wanted.num_choices)
        choices = [self._choice(index, reply) for index, reply in enumerate(replies)]
        return {**self._head("chat.completion"), "choices": choices, "usage": counts}

    def _choice(self, index: int, reply: WholeReply) -> dict[str, Any]:
        calls = parse_calls(reply.text, self._wanted.tools.names)
        message: dict[str, Any] = {"role": "assistant", "content": None if calls else reply.text, "refusal": None}
        if calls:
            message["tool_calls"] = tool_calls_json(calls)
        choice: dict[str, Any] = {
            "index": index,
            "message": message,
            "logprobs": self._logprobs(reply.logprobs),
            "finish_reason": "tool_calls" if calls else reply.end.finish_reason,
        }
        if self._wanted.returns_token_ids:
            choice["token_ids"] = list(reply.token_ids)
        return choice

    def _chunk(
        self, index: int, delta: dict[str, Any], *, piece: Piece | None = None, finish_reason: str | None = None
    ) -> dict[str, Any]:
        logprobs = self._logprobs(piece.logprobs) if piece else None
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
        if self._wanted.returns_token_ids:
            choice["token_ids"] = list(piece.token_ids) if piece else []
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self._created, "model": self._model.card.id}

    def _logprobs(self, positions: Sequence[PositionLogprobs]) -> dict[str, Any] | None:
        if self._wanted.sampling.num_logprobs is None:
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
