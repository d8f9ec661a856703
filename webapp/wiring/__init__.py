"""Joins the web application with the engine and the retriever: adapters behind the ports of `assistant`.

The one package that knows all of them. It translates types and errors, and decides nothing.
"""

from webapp.wiring.cards import GuardCard, ModelCard, calls_tools, guard_card, model_card
from webapp.wiring.code_shield import code_report, code_shield_is_ready, usual_code_rule
from webapp.wiring.library import EMBEDDING_MODEL, retrieval, text_encoder
from webapp.wiring.readiness import can_answer, guard_is_ready, inference_is_ready
from webapp.wiring.servers import endpoint_names
from webapp.wiring.tools import draws_pictures, searches_web
from webapp.wiring.turns import TurnServices, turn_services

__all__ = [
    "EMBEDDING_MODEL",
    "GuardCard",
    "ModelCard",
    "TurnServices",
    "calls_tools",
    "can_answer",
    "code_report",
    "code_shield_is_ready",
    "draws_pictures",
    "endpoint_names",
    "guard_card",
    "guard_is_ready",
    "inference_is_ready",
    "model_card",
    "retrieval",
    "searches_web",
    "text_encoder",
    "turn_services",
    "usual_code_rule",
]
