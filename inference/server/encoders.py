"""POST /v1/embeddings and POST /v1/moderations: the small models beside the chat model.

They run on worker threads: a batch takes tens of milliseconds, which would stop every stream for as long.
"""

import asyncio
import uuid
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from inference.errors import InvalidRequest
from inference.server.bodies import read_json
from inference.server.serving import Serving

EMBEDDING_MODEL_ID = "all-MiniLM-L6-v2"
MAX_INPUTS = 256
FLAGGED_FROM = 0.5


async def embeddings(request: Request) -> Response:
    """Vectors of unit length, 384 numbers each, in the order of the inputs."""
    serving: Serving = request.app.state.serving
    body = _object(await read_json(request))
    texts = _texts(body)
    if body.get("encoding_format", "float") not in ("float", None):
        raise InvalidRequest(
            "'encoding_format' must be 'float'.", code="unsupported_parameter", param="encoding_format"
        )
    encoder = serving.encoder()
    vectors = await asyncio.to_thread(encoder.encode, texts)
    items = [{"object": "embedding", "index": i, "embedding": row.tolist()} for i, row in enumerate(vectors)]
    num_tokens = {"prompt_tokens": 0, "total_tokens": 0}
    return JSONResponse({"object": "list", "model": EMBEDDING_MODEL_ID, "data": items, "usage": num_tokens})


async def moderations(request: Request) -> Response:
    """Raw scores for every category; thresholds and what follows from them are the caller's business."""
    serving: Serving = request.app.state.serving
    body = _object(await read_json(request))
    texts = _texts(body)
    role, context = _role(body), body.get("context") or ""
    if not isinstance(context, str):
        raise InvalidRequest("'context' must be a string.", code="invalid_value", param="context")
    guard = serving.guard()
    scores = await asyncio.to_thread(guard.score, texts, role=role, context=context)
    results = [_moderation(of_text) for of_text in scores]
    return JSONResponse({"id": f"modr-{uuid.uuid4().hex}", "model": guard.model_id, "results": results})


def _moderation(scores: dict[str, float]) -> dict[str, Any]:
    categories = {slug: score >= FLAGGED_FROM for slug, score in scores.items()}
    return {
        "flagged": any(categories.values()),
        "categories": categories,
        "category_scores": {slug: float(score) for slug, score in scores.items()},
    }


def _role(body: dict[str, Any]) -> Literal["user", "assistant"]:
    match body.get("role"):
        case None | "user":
            return "user"
        case "assistant":
            return "assistant"
    raise InvalidRequest("'role' must be 'user' or 'assistant'.", code="invalid_value", param="role")


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.")
    return body


def _texts(body: dict[str, Any]) -> list[str]:
    value = body.get("input")
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise InvalidRequest("'input' must be a string or a list of strings.", code="invalid_value", param="input")
    if len(texts) > MAX_INPUTS:
        raise InvalidRequest(f"'input' may hold at most {MAX_INPUTS} strings.", code="invalid_value", param="input")
    return texts
