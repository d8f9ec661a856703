"""POST /tokenize and /detokenize, in vLLM's form: what a prompt comes to, and back."""

import asyncio
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from inference.server.bodies import read_json
from inference.server.chat_request import parse_continuation, parse_messages
from inference.server.fields import Fields, refuse_unsupported, wrong
from inference.server.frames import Json
from inference.server.generations import chat_prompt, check_known, raw_prompt
from inference.server.serving import ChatModel, Serving
from inference.server.tool_fields import TOOL_FIELDS, parse_tools

TOKENIZE_FIELDS = {
    *("model", "prompt", "messages", "add_special_tokens", "return_token_strs"),
    *("add_generation_prompt", "continue_final_message", *TOOL_FIELDS),
}


async def tokenize(request: Request) -> Response:
    """The ids of a raw prompt or of a conversation. Raises RequestRefused."""
    serving: Serving = request.app.state.serving
    fields = Fields(await read_json(request))
    refuse_unsupported(fields.body, known=TOKENIZE_FIELDS, unsupported={})
    model = serving.chat_model(fields.get("model", str, default=""))
    ids = await asyncio.to_thread(_ids, fields, model)
    names = [model.checkpoint.tokenizer.token_text(token_id) for token_id in ids]
    strings = names if fields.boolean("return_token_strs") else None
    return Json({"count": len(ids), "max_model_len": model.max_context, "tokens": ids, "token_strs": strings})


def _ids(fields: Fields, model: ChatModel) -> Sequence[int]:
    if fields.body.get("messages") is not None:
        messages = parse_messages(fields.body["messages"])
        tools, continues = parse_tools(fields), parse_continuation(fields, messages)
        return chat_prompt(messages, model, tools=tools.offered, continues_final=continues).ids
    prompt = fields.body.get("prompt")
    if not isinstance(prompt, str):
        raise wrong("prompt", "must be a string, unless there are 'messages'")
    if fields.boolean("add_special_tokens", default=True) and prompt:
        return raw_prompt(prompt, model).ids
    return model.checkpoint.tokenizer.encode_markup(prompt)


async def detokenize(request: Request) -> Response:
    """The text of ids, special tokens by their names. Raises RequestRefused."""
    serving: Serving = request.app.state.serving
    fields = Fields(await read_json(request))
    refuse_unsupported(fields.body, known={"model", "tokens"}, unsupported={})
    model = serving.chat_model(fields.get("model", str, default=""))
    tokens = fields.get("tokens", list, default=[])
    if not all(type(token_id) is int for token_id in tokens):
        raise wrong("tokens", "must be a list of integers")
    if tokens:
        check_known(tokens, model, param="tokens")
    return Json({"prompt": await asyncio.to_thread(model.checkpoint.tokenizer.decode_markup, tokens)})
