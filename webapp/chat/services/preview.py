"""What the model would be sent, for a person who wants to see it."""

from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from assistant.ports import ChatMessage, Role
from assistant.prompt import assemble
from assistant.prompt_text import fill
from assistant.reply import Written
from webapp import wiring
from webapp.accounts.models import User
from webapp.accounts.services.language import language_of
from webapp.chat.models import Conversation
from webapp.chat.services.conversations import branch
from webapp.chat.services.history import is_summarised, messages_of, summary_of
from webapp.chat.services.personal import personal_of
from webapp.experiments.services import serving, variables

MASKED_CANARY = "••••••••"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptPart:
    role: Role
    text: str


def preview_prompt(person: User, text: str, *, conversation: Conversation | None = None) -> list[PromptPart]:
    """The messages for `text` as the first of a new chat, or as the next on the branch of `conversation` that is shown.

    Without passages; the mark of the day is masked.
    """
    earlier = branch(conversation) if conversation else []
    is_temporary = conversation is not None and conversation.is_temporary
    turns, served = settings.TURNS, serving.for_next_turn(person)
    card = wiring.model_card(served.endpoint)
    known = variables.values(at=timezone.now(), language=language_of(person), model=card.name or card.id)
    prompt = assemble(
        [*messages_of(earlier), ChatMessage(role="user", text=text)],
        (),
        Written(),
        budget_tokens=turns.context_tokens - turns.max_reply_tokens,
        canary=MASKED_CANARY if turns.has_canary else "",
        personal=personal_of(person, is_temporary=is_temporary),
        only_related_memories=not wiring.calls_tools(served.endpoint),
        system_prompt=fill(served.system_prompt, known),
        summary=summary_of(earlier) if conversation and is_summarised(conversation) else None,
    )
    return [PromptPart(role=message.role, text=message.text) for message in prompt.messages]
