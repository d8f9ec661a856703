"""A person who talks, for the tests of the tree and the queue: sends, and has answers finished without a model."""

import uuid
from typing import Any

from webapp.accounts.models import User
from webapp.chat.models import Reply
from webapp.chat.services import turns
from webapp.chat.services.turns import Accepted


def send(person: User, text: str = "Hello", *, after: Accepted | None = None, **fields: Any) -> Accepted:
    """A message, in the conversation of the turn `after` and as its next one, if there is one."""
    given: dict[str, Any] = {
        "turn_id": uuid.uuid4(),
        "conversation_id": after.conversation_id if after else None,
        "parent_id": after.reply_id if after else None,
    }
    return turns.send(person=person, text=text, **(given | fields))


def end(accepted: Accepted, state: str = "done", text: str = "An answer.", **fields: Any) -> Accepted:
    """The answer has ended, with this text."""
    fields = {"blocks": [f"<p>{text}</p>"] if text else [], "token_ids": [1, 2, 3] if text else [], **fields}
    Reply.objects.filter(pk=accepted.reply_id).update(state=state, text=text, **fields)
    return accepted


def talk(person: User, *texts: str) -> list[Accepted]:
    """One turn after the other, each with its answer."""
    said: list[Accepted] = []
    for text in texts:
        said.append(end(send(person, text, after=said[-1] if said else None)))
    return said
