"""POST /v1/chat/completions: replies to a conversation, whole or as server-sent events."""

from starlette.requests import Request
from starlette.responses import Response

from inference.server.bodies import read_json
from inference.server.chat_answer import ChatAnswer
from inference.server.chat_request import parse_chat_request
from inference.server.exchange import answered, model_for
from inference.server.generations import chat_prompt


async def chat_completions(request: Request) -> Response:
    """Raises RequestRefused for everything that is wrong before the first token."""
    wanted = parse_chat_request(await read_json(request))
    model = model_for(request, wanted.model)
    offered, continues_final = wanted.tools.offered, wanted.continues_final
    return await answered(
        request,
        wanted,
        model,
        ChatAnswer(wanted, model),
        lambda: [chat_prompt(wanted.messages, model, tools=offered, continues_final=continues_final)],
    )
