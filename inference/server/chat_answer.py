"""The JSON that tells a client about the replies to a conversation."""

import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

from inference.engine.request import End, Piece, PositionLogprobs, TokenLogprob
from inference.server.calls import Delta, ReplyDeltas, call_json
from inference.server.chat_request import ChatRequest
from inference.server.frames import framed
from inference.server.replies import WholeReply, usage
from inference.server.serving import ChatModel
from inference.text.calls import read_reply
from inference.text.tokenizer import Tokenizer


class ChatAnswer:
    """Answers one request, with one choice for each reply."""

    def __init__(self, wanted: ChatRequest, model: ChatModel) -> None:
        self._wanted = wanted
        self._model = model
        self.id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())

    def frames(self, events: AsyncIterator[tuple[int, Piece | End]]) -> AsyncIterator[str]:
        """The replies as server-sent events."""
        return framed(self._chunks(events))

    async def _chunks(self, events: AsyncIterator[tuple[int, Piece | End]]) -> AsyncIterator[dict[str, Any]]:
        """OpenAI's stream: for each choice a chunk with the role, one per piece, one with the reason; then usage."""
        num_choices, names = self._wanted.num_choices, self._wanted.tools.names
        for index in range(num_choices):
            yield self._chunk(index, Delta(fields={"role": "assistant", "content": ""}))
        replies = [ReplyDeltas(names) for _ in range(num_choices)]
        ends: dict[int, End] = {}
        async for index, event in events:
            if isinstance(event, Piece):
                for delta in replies[index].push(event):
                    yield self._chunk(index, delta)
                continue
            ends[index] = event
            *deltas, last = replies[index].finish()
            for delta in deltas:
                yield self._chunk(index, delta)
            yield self._chunk(index, last, finish_reason=_reason(event, is_call=replies[index].is_call))
        if self._wanted.includes_usage:
            counts = usage([ends[index] for index in sorted(ends)], num_choices=num_choices)
            yield {**self._head("chat.completion.chunk"), "choices": [], "usage": counts}

    def body(self, replies: Sequence[WholeReply]) -> dict[str, Any]:
        """The replies in one object."""
        counts = usage([reply.end for reply in replies], num_choices=self._wanted.num_choices)
        choices = [self._choice(index, reply) for index, reply in enumerate(replies)]
        return {**self._head("chat.completion"), "choices": choices, "usage": counts}

    def _choice(self, index: int, reply: WholeReply) -> dict[str, Any]:
        read = read_reply(reply.text, self._wanted.tools.names)
        content = None if read.calls and not read.content else read.content
        message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
        if read.calls:
            message["tool_calls"] = [call_json(call) for call in read.calls]
        choice: dict[str, Any] = {
            "index": index,
            "message": message,
            "logprobs": self._logprobs(reply.logprobs),
            "finish_reason": _reason(reply.end, is_call=read.is_call),
        }
        if self._wanted.returns_token_ids:
            choice["token_ids"] = list(reply.token_ids)
        return choice

    def _chunk(self, index: int, delta: Delta, *, finish_reason: str | None = None) -> dict[str, Any]:
        logprobs = self._logprobs(delta.logprobs) if delta.logprobs else None
        choice = {"index": index, "delta": delta.fields, "logprobs": logprobs, "finish_reason": finish_reason}
        if self._wanted.returns_token_ids:
            choice["token_ids"] = list(delta.token_ids)
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


def _reason(end: End, *, is_call: bool) -> str:
    """OpenAI's; a call that was cut says why."""
    return "tool_calls" if is_call else end.finish_reason


def _token_json(token: TokenLogprob, tokenizer: Tokenizer) -> dict[str, Any]:
    spelled = list(tokenizer.token_bytes(token.token_id))
    return {"token": tokenizer.token_text(token.token_id), "logprob": token.logprob, "bytes": spelled}
