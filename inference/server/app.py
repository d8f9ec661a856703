"""The application: routes, who may call them, and every error in OpenAI's form."""

import contextlib
import hmac
import logging
from collections.abc import AsyncIterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from inference.errors import QueueFull, RequestRefused
from inference.server.chat import chat_completions
from inference.server.completions import completions
from inference.server.encoders import embeddings, moderations
from inference.server.metrics import ChatMetrics, EngineCollector
from inference.server.replies import error_body
from inference.server.serving import Serving

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 4 << 20


def build_app(serving: Serving, *, api_key: str = "", max_body_bytes: int = MAX_BODY_BYTES) -> Starlette:
    """The ASGI application around `serving`, which it starts and closes. With an `api_key`, /v1 asks for it."""
    routes = [
        Route("/v1/chat/completions", chat_completions, methods=["POST"]),
        Route("/v1/completions", completions, methods=["POST"]),
        Route("/v1/embeddings", embeddings, methods=["POST"]),
        Route("/v1/moderations", moderations, methods=["POST"]),
        Route("/v1/models", list_models),
        Route("/v1/models/{model_id}", one_model),
        Route("/health", health),
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
        middleware=[Middleware(ApiKey, api_key=api_key)] if api_key else [],
        exception_handlers={RequestRefused: refused, HTTPException: http_error, Exception: internal_error},
    )
    registry = CollectorRegistry()
    registry.register(EngineCollector(serving))
    app.state.serving = serving
    app.state.registry = registry
    app.state.chat_metrics = ChatMetrics(registry)
    app.state.max_body_bytes = max_body_bytes
    return app


class ApiKey:
    """Lets a request to /v1 through only with the right bearer token."""

    def __init__(self, app: ASGIApp, *, api_key: str) -> None:
        self._app = app
        self._expected = f"Bearer {api_key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                response = _error(401, "The API key is missing or wrong.", "invalid_request_error", "invalid_api_key")
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def list_models(request: Request) -> Response:
    """The chat model, if this server has one. Raises NotServing while it loads."""
    serving: Serving = request.app.state.serving
    models = [_model_json(serving)] if serving.config.model else []
    return JSONResponse({"object": "list", "data": models})


async def one_model(request: Request) -> Response:
    model = _model_json(request.app.state.serving)
    if request.path_params["model_id"] != model["id"]:
        return _error(404, "There is no such model.", "invalid_request_error", "model_not_found")
    return JSONResponse(model)


def _model_json(serving: Serving) -> dict[str, object]:
    card = serving.chat_model().card
    return {
        "id": card.id,
        "object": "model",
        "created": serving.started_at,
        "owned_by": "cria",
        "name": card.name,
        "licence": card.licence,
        "notice": card.notice,
        "architecture": card.architecture,
        "context_length": card.context_length,
        "parameters": card.parameters,
    }


async def health(request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """The models are loaded and requests are taken."""
    reason = request.app.state.serving.reason_not_ready()
    return JSONResponse({"status": reason or "ready"}, status_code=503 if reason else 200)


async def metrics(request: Request) -> Response:
    return PlainTextResponse(generate_latest(request.app.state.registry), media_type=CONTENT_TYPE_LATEST)


async def refused(request: Request, error: Exception) -> Response:
    """A refusal with its status; a full queue says when to come back."""
    assert isinstance(error, RequestRefused)
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, QueueFull) else None
    status = 404 if error.code == "model_not_found" else error.status
    return JSONResponse(error_body(error), status_code=status, headers=headers)


async def http_error(request: Request, error: Exception) -> Response:
    """Unknown paths and methods."""
    assert isinstance(error, HTTPException)
    return _error(error.status_code, error.detail, "invalid_request_error", None)


async def internal_error(request: Request, error: Exception) -> Response:
    """A fault of ours. What it was is in the log, not in the answer."""
    return _error(500, "The server failed on this request.", "server_error", "internal_error")


def _error(status: int, message: str, kind: str, code: str | None) -> Response:
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return JSONResponse(body, status_code=status)
