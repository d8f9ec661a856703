"""GET /v1/models: what this server can be asked for."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inference.server.frames import Json, error_response
from inference.server.serving import Serving


async def list_models(request: Request) -> Response:
    """The chat model, if this server has one. Raises NotServing while it loads."""
    serving: Serving = request.app.state.serving
    models = [_model_json(serving)] if serving.config.model else []
    return Json({"object": "list", "data": models})


async def one_model(request: Request) -> Response:
    """The chat model by its id. Raises NotServing."""
    model = _model_json(request.app.state.serving)
    if request.path_params["model_id"] != model["id"]:
        return error_response(404, "There is no such model.", code="model_not_found")
    return Json(model)


def _model_json(serving: Serving) -> dict[str, Any]:
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
        "max_model_len": card.context_length,
        "parameters": card.parameters,
    }
