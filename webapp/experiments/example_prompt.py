"""What a system prompt becomes: all that the model would read for an example person with an example question."""

from datetime import UTC, datetime

from django.conf import settings

from assistant.personal import Personal, Remembered
from assistant.ports import ChatMessage, Passage
from assistant.prompt import assemble, estimate_tokens
from assistant.prompt_text import fill
from assistant.reply import Written
from webapp.experiments.services import variables

AT = datetime(2026, 6, 5, 12, tzinfo=UTC)
PERSON = Personal(
    about_me="I teach physics at a school.",
    answer_style="Short paragraphs.",
    tone="encouraging",
    memories=(Remembered(id="1", text="I have a garden with old apple trees."),),
)
PASSAGES = (
    Passage(
        passage_id=1,
        document_id="",
        title="Pruning",
        text="Old apple trees are pruned in late winter, before the buds open.",
        url="",
        score=1.0,
        char_start=0,
        char_end=65,
    ),
)
HISTORY = (
    ChatMessage(role="user", text="What grows beside apple trees?"),
    ChatMessage(role="assistant", text="Chives, clover and nasturtiums do well there."),
    ChatMessage(role="user", text="When do I prune apple trees?"),
)


def assembled(text: str) -> str:
    """Every message with its role. Raises PromptTooLong if the window of the settings has no room for it."""
    turns = settings.TURNS
    prompt = assemble(
        HISTORY,
        PASSAGES,
        Written(),
        budget_tokens=turns.context_tokens - turns.max_reply_tokens,
        system_prompt=fill(text, variables.values(at=AT, language="en", model="Llama 3")),
        personal=PERSON,
    )
    return "\n\n".join(f"[{message.role}]\n{message.text}" for message in prompt.messages)


def fills_the_window(text: str) -> bool:
    """Whether it would take more than half of what the model reads, and leave too little to the conversation."""
    turns = settings.TURNS
    return estimate_tokens(text) * 2 > turns.context_tokens - turns.max_reply_tokens
