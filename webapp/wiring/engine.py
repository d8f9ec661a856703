"""The ChatModel port over an OpenAI-compatible server."""

import dataclasses
from collections.abc import AsyncGenerator
from contextlib import aclosing

from assistant.errors import ModelRefused, ModelUnavailable
from assistant.ports import GeneratedPiece, GenerationEnd, GenerationRequest, ToolCall
from inference.client import ChatCall, ChatEnd, ChatTurn, InferenceClient
from inference.errors import InferenceRejected, InferenceUnavailable


class EngineModel:
    """`person_key` tells people apart at the engine, for taking turns and for who may reuse whose prompts."""

    def __init__(self, client: InferenceClient, model_id: str, *, dry_multiplier: float, person_key: str) -> None:
        self._client = client
        self._model_id = model_id
        self._dry_multiplier = dry_multiplier
        self._person_key = person_key

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GeneratedPiece | GenerationEnd, None]:
        turns = [
            ChatTurn(
                role=message.role,
                content=message.text,
                token_ids=message.token_ids,
                calls=tuple(ChatCall(id=call.id, name=call.name, arguments=call.arguments) for call in message.calls),
                call_id=message.call_id,
            )
            for message in request.messages
        ]
        pieces = self._client.stream_chat(
            turns,
            model=self._model_id,
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            seed=request.seed,
            continue_final=request.continues,
            dry_multiplier=self._dry_multiplier,
            user=self._person_key,
            cache_salt=self._person_key,
            tools=[dataclasses.asdict(offer) for offer in request.tools],
            schema=request.schema,
        )
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    if isinstance(piece, ChatEnd):
                        yield GenerationEnd(
                            finish_reason=piece.finish_reason,
                            prompt_tokens=piece.prompt_tokens,
                            cached_tokens=piece.cached_tokens,
                            reply_tokens=piece.reply_tokens,
                            calls=tuple(
                                ToolCall(id=call.id, name=call.name, arguments=call.arguments) for call in piece.calls
                            ),
                        )
                    else:
                        yield GeneratedPiece(text=piece.text, token_ids=piece.token_ids)
        except InferenceUnavailable as error:
            raise ModelUnavailable(str(error)) from error
        except InferenceRejected as error:
            raise ModelRefused(error.code) from error
