"""From parsed requests to what the engine is asked for; shared by the routes that generate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from starlette.requests import Request

from inference.engine.request import GenerationRequest, SamplingParams
from inference.errors import InvalidRequest
from inference.sampling.grammars import CompiledGrammar
from inference.sampling.noise import seed_of_choice
from inference.server.chat_request import Caller
from inference.server.keys import caller_prefix
from inference.server.serving import ChatModel
from inference.text.chat import ChatMessage, ChatPrompt, build_prompt
from inference.text.tools import Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What every route that generates wants besides its prompts. Without `max_tokens` a reply may fill the context."""

    num_choices: int
    max_tokens: int | None
    stop: tuple[str, ...]
    sampling: SamplingParams
    grammar: CompiledGrammar | None
    caller: Caller


def generations(
    prompts: Sequence[ChatPrompt], wish: Wish, model: ChatModel, request: Request, *, answer_id: str
) -> list[GenerationRequest]:
    """`num_choices` requests for each prompt, in order. Raises InvalidRequest."""
    _check_bias(wish.sampling, model)
    return [
        _generation(prompt, wish, model, index=index, request_id=f"{answer_id}-{number}-{index}", request=request)
        for number, prompt in enumerate(prompts)
        for index in range(wish.num_choices)
    ]


def _generation(
    prompt: ChatPrompt, wish: Wish, model: ChatModel, *, index: int, request_id: str, request: Request
) -> GenerationRequest:
    begun = prompt.ids[len(prompt.ids) - prompt.num_reply_ids :]
    if wish.grammar and not wish.grammar.allows(begun):
        message = "The reply so far is not the beginning of what its format asks for."
        raise InvalidRequest(message, code="invalid_value", param="messages")
    room = max(model.max_context - len(prompt.ids), 1)
    return GenerationRequest(
        request_id=request_id,
        prompt_ids=prompt.ids,
        num_reply_ids=prompt.num_reply_ids,
        max_tokens=room if wish.max_tokens is None else wish.max_tokens,
        stop_strings=wish.stop,
        sampling=replace(wish.sampling, seed=seed_of_choice(wish.sampling.seed, index)),
        grammar=wish.grammar,
        user=caller_prefix(request) + wish.caller.user,
        priority=wish.caller.priority,
        cache_salt=wish.caller.cache_salt,
    )


def chat_prompt(
    messages: Sequence[ChatMessage], model: ChatModel, *, tools: Sequence[Tool] = (), continues_final: bool = False
) -> ChatPrompt:
    """The conversation in token ids. Raises InvalidRequest for an id that the model does not know."""
    for message in messages:
        if message.token_ids:
            check_known(message.token_ids, model, param="messages")
    return build_prompt(model.checkpoint.chat_format, messages, tools=tools, continue_final=continues_final)


def raw_prompt(prompt: str | Sequence[int], model: ChatModel) -> ChatPrompt:
    """Text in token ids, with the beginning-of-text token where the model was trained with one; ids as they are.

    Raises InvalidRequest for an id that the model does not know, and for text that comes to nothing.
    """
    if not isinstance(prompt, str):
        check_known(prompt, model, param="prompt")
        return ChatPrompt(ids=tuple(prompt))
    ids = model.checkpoint.tokenizer.encode_markup(prompt)
    bos_ids = model.checkpoint.chat_format.bos_ids
    whole = ids if ids[: len(bos_ids)] == list(bos_ids) else [*bos_ids, *ids]
    if not whole:
        raise InvalidRequest("The prompt has no tokens.", code="invalid_value", param="prompt")
    return ChatPrompt(ids=tuple(whole))


def check_known(token_ids: Sequence[int], model: ChatModel, *, param: str) -> None:
    """Raises InvalidRequest unless these are ids of the model, so that nothing indexes past the embedding."""
    if min(token_ids) < 0 or max(token_ids) >= model.checkpoint.shape.vocab_size:
        raise InvalidRequest("A token id is not in the model's vocabulary.", code="invalid_value", param=param)


def _check_bias(sampling: SamplingParams, model: ChatModel) -> None:
    if sampling.logit_bias:
        check_known(list(sampling.logit_bias), model, param="logit_bias")
