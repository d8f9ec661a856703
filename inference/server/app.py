"""The application: its routes, and every error in OpenAI's form."""

import contextlib
from collections.abc import AsyncIterator, Sequence

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from inference.errors import QueueFull, RequestRefused
from inference.server.chat import chat_completions
from inference.server.completions import completions
from inference.server.encoders import embeddings, moderations
from inference.server.frames import Json, error_body, error_response
from inference.server.keys import ApiKeys
from inference.server.metrics import ChatMetrics, EngineCollector
from inference.server.models import list_models, one_model
from inference.server.responses import responses
from inference.server.serving import Serving
from inference.server.tokens import detokenize, tokenize

MAX_BODY_BYTES = 4 << 20


def build_app(serving: Serving, *, api_keys: Sequence[str] = (), max_body_bytes: int = MAX_BODY_BYTES) -> Starlette:
    """The ASGI application around `serving`, which it starts and closes. With `api_keys`, it asks for one of them."""
    routes = [
        Route("/v1/chat/completions", chat_completions, methods=["POST"]),
        Route("/v1/completions", completions, methods=["POST"]),
        Route("/v1/responses", responses, methods=["POST"]),
        Route("/v1/embeddings", embeddings, methods=["POST"]),
        Route("/v1/moderations", moderations, methods=["POST"]),
        Route("/v1/models", list_models),
        Route("/v1/models/{model_id:path}", one_model),
        Route("/tokenize", tokenize, methods=["POST"]),
        Route("/detokenize", detokenize, methods=["POST"]),
        Route("/health", health),
        Route("/health/live", health),
        Route("/health/ready", ready),
        Route("/metrics", metrics),
    ]

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        serving.start()
        yield
        serving.close()

    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(ApiKeys, keys=api_keys)] if api_keys else [],
        exception_handlers={RequestRefused: refused, HTTPException: http_error, Exception: internal_error},
    )
    registry = CollectorRegistry()
    registry.register(EngineCollector(serving))
    app.state.serving = serving
    app.state.registry = registry
    app.state.chat_metrics = ChatMetrics(registry)
    app.state.max_body_bytes = max_body_bytes
    return app


async def health(request: Request) -> Response:
    """The process answers."""
    return Json({"status": "ok"})


async def ready(request: Request) -> Response:
    """The models are loaded and requests are taken."""
    reason = request.app.state.serving.reason_not_ready()
    return Json({"status": reason or "ready"}, status_code=503 if reason else 200)


async def metrics(request: Request) -> Response:
    """What Prometheus reads."""
    return PlainTextResponse(generate_latest(request.app.state.registry), media_type=CONTENT_TYPE_LATEST)


async def refused(request: Request, error: Exception) -> Response:
    """A refusal with its status; a full queue says when to come back."""
    assert isinstance(error, RequestRefused)
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, QueueFull) else None
    status = 404 if error.code == "model_not_found" else error.status
    return Json(error_body(error), status_code=status, headers=headers)


async def http_error(request: Request, error: Exception) -> Response:
    """Unknown paths and methods."""
    assert isinstance(error, HTTPException)
    return error_response(error.status_code, error.detail)


async def internal_error(request: Request, error: Exception) -> Response:
    """A fault of ours. What it was is in the log, not in the answer."""
    return error_response(500, "The server failed on this request.", kind="server_error", code="internal_error")
