"""POST /v1/embeddings and POST /v1/moderations: the small models beside the chat model.

They run on worker threads: a batch takes tens of milliseconds, which would stop every stream for as long.
"""

import asyncio
import base64
import uuid
from typing import TYPE_CHECKING, Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from inference.errors import InvalidRequest
from inference.server.bodies import read_json
from inference.server.fields import wrong
from inference.server.frames import Json
from inference.server.serving import Serving

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from inference.encoders.guard import GuardScores

EMBEDDING_MODEL_ID, DIMENSIONS = "all-MiniLM-L6-v2", 384
MAX_INPUTS = 256
FLAGGED_FROM = 0.5


async def embeddings(request: Request) -> Response:
    """Vectors of unit length, 384 numbers each, in the order of the inputs."""
    serving: Serving = request.app.state.serving
    body = _object(await read_json(request))
    texts, encoding = _texts(body), body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise wrong("encoding_format", "must be 'float' or 'base64'")
    if body.get("model") not in (None, "", EMBEDDING_MODEL_ID):
        raise InvalidRequest("There is no such embedding model.", code="model_not_found", param="model")
    if body.get("dimensions") not in (None, DIMENSIONS):
        raise InvalidRequest(
            f"'dimensions' can be {DIMENSIONS} only.", code="unsupported_parameter", param="dimensions"
        )
    encoder = serving.encoder()
    vectors, num_tokens = await asyncio.to_thread(lambda: (encoder.encode(texts), encoder.num_tokens(texts)))
    items = [{"object": "embedding", "index": i, "embedding": _spelled(row, encoding)} for i, row in enumerate(vectors)]
    usage = {"prompt_tokens": num_tokens, "total_tokens": num_tokens}
    return Json({"object": "list", "model": EMBEDDING_MODEL_ID, "data": items, "usage": usage})


def _spelled(vector: "npt.NDArray[np.float32]", encoding: str) -> list[float] | str:
    """Numbers, or their bytes as little-endian float32, which are a third as long."""
    return vector.tolist() if encoding == "float" else base64.b64encode(vector.astype("<f4").tobytes()).decode()


async def moderations(request: Request) -> Response:
    """Raw scores for every category; thresholds and what follows from them are the caller's business.

    `context` is what was said before the texts: what an assistant's text answers, or the turns before a user's.
    """
    serving: Serving = request.app.state.serving
    body = _object(await read_json(request))
    texts = _texts(body)
    role, context = _role(body), body.get("context") or ""
    if not isinstance(context, str):
        raise wrong("context", "must be a string")
    guard = serving.guard()
    scores = await asyncio.to_thread(guard.score, texts, role=role, context=context)
    results = [_moderation(of_text) for of_text in scores]
    return Json({"id": f"modr-{uuid.uuid4().hex}", "model": guard.model_id, "results": results})


def _moderation(scores: "GuardScores") -> dict[str, Any]:
    categories = {slug: score >= FLAGGED_FROM for slug, score in scores.categories.items()}
    return {
        "flagged": any(categories.values()),
        "categories": categories,
        "category_scores": scores.categories,
        "language": scores.language,
        "language_known": scores.language_known,
    }


def _role(body: dict[str, Any]) -> Literal["user", "assistant"]:
    match body.get("role"):
        case None | "user":
            return "user"
        case "assistant":
            return "assistant"
    raise wrong("role", "must be 'user' or 'assistant'")


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.")
    return body


def _texts(body: dict[str, Any]) -> list[str]:
    value = body.get("input")
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise wrong("input", "must be a string or a list of strings")
    if len(texts) > MAX_INPUTS:
        raise wrong("input", f"may hold at most {MAX_INPUTS} strings")
    return texts
