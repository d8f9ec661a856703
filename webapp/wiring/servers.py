"""The servers of the settings, and connections to them."""

import logging

from inference.client import InferenceClient
from webapp.settings.environment import Endpoint, environment

logger = logging.getLogger(__name__)


def endpoint_names() -> list[str]:
    """The model servers that can be asked for by name."""
    return sorted(environment.endpoints)


def chat_server(endpoint: str) -> Endpoint:
    """The server of this name, or the usual one: an answer from another model beats none."""
    server = environment.endpoints.get(endpoint)
    if server is not None:
        return server
    if endpoint:
        logger.warning("endpoint_unknown", extra={"endpoint": endpoint})
    return Endpoint(url=environment.chat_url, model=environment.inference_model, key=environment.inference_api_key)


def chat_client(server: Endpoint) -> InferenceClient:
    return InferenceClient(server.url, api_key=server.key.get_secret_value())


def guard_server() -> Endpoint:
    """The server that runs Llama Guard."""
    return Endpoint(url=environment.guard_url, model=environment.guard_model, key=environment.guard_api_key)


def guard_client() -> InferenceClient:
    return chat_client(guard_server())


def encoder_client() -> InferenceClient:
    return InferenceClient(environment.encoder_url)
