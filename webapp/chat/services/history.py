"""What was said before a turn, as the model reads it."""

from collections.abc import Iterable, Sequence

from assistant.ports import ChatMessage
from assistant.window import Summary
from webapp.chat.models import Conversation, Message, Reply
from webapp.chat.services import summaries
from webapp.chat.services.conversations import branch
from webapp.personal.services.preferences import preferences_of

RELEASED = "released"
"""Why an answer has ended that was withheld and then given back."""


def turns_before(reply: Reply) -> list[tuple[Message, Reply]]:
    """The turns before this one on its branch."""
    if reply.message.parent_id is None:
        return []
    return branch(reply.conversation, leaf=Reply.objects.get(pk=reply.message.parent_id))


def messages_of(turns: Iterable[tuple[Message, Reply]]) -> list[ChatMessage]:
    """What was said in these turns, without those that the guard withheld or that never got an answer.

    Nor those that a tool has answered alone, as it does for small models: these take its sentence for a pattern.
    """
    messages: list[ChatMessage] = []
    for message, answer in turns:
        if answer.state == Reply.State.BLOCKED or not answer.text or _is_a_tools(answer):
            continue
        messages.append(ChatMessage(role="user", text=message.text))
        messages.append(ChatMessage(role="assistant", text=answer.text, token_ids=tuple(answer.token_ids)))
    return messages


def context_of(turns: Sequence[tuple[Message, Reply]]) -> list[ChatMessage]:
    """The same for the guard: what the staff has found harmless makes nothing that follows suspicious.

    A message that was released is harmless under each of its answers. Its copy in a copied chat is judged anew.
    """
    asked = [message.pk for message, _answer in turns]
    released = Reply.objects.released().filter(message__in=asked) if asked else Reply.objects.none()
    harmless = set(released.values_list("message_id", flat=True))
    return messages_of(turn for turn in turns if turn[0].pk not in harmless and turn[1].finish_reason != RELEASED)


def is_summarised(conversation: Conversation) -> bool:
    """Whether its owner wants long chats to be; if not, summaries from before are not read either."""
    return preferences_of(conversation.owner).summarises_chats


def summary_of(turns: Sequence[tuple[Message, Reply]]) -> Summary | None:
    """What stands for the first of these turns in a prompt."""
    placed = summaries.placed_in(summaries.states_of(turns))
    if placed is None:
        return None
    return Summary(text=placed.summary.text, num_messages=len(messages_of(turns[: placed.num_turns])))


def _is_a_tools(answer: Reply) -> bool:
    return any(step["is_answer"] and not step["call"] for step in answer.steps)
