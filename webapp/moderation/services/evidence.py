"""What the staff keeps of a temporary chat: the key of a turn that was withheld, reported or appealed. It is sealed as
withheld answers are, for as long as the case is kept, and opens this turn and no other, also when its chat has ended.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from webapp.chat import temporary_keys
from webapp.chat.models import Reply
from webapp.chat.temporary_keys import Scope
from webapp.moderation.models import Case
from webapp.moderation.services.sealing import Unreadable, seal_bytes, unseal_bytes


def keep(case: Case, reply: Reply) -> None:
    """Keep the key of the turn, if it is one of a temporary chat. Raises Ended, and TemporaryAway."""
    if case.sealed_key is None and reply.conversation.is_temporary:
        case.sealed_key = seal_bytes(temporary_keys.key_of(Scope(reply.conversation_id, reply.message_id)))
        Case.objects.filter(pk=case.pk).update(sealed_key=case.sealed_key)


@contextmanager
def opened(case: Case) -> Iterator[None]:
    """Meanwhile the turn of this case can be read, whether or not its chat has ended. Put on record like any look."""
    key = _key(case)
    if key is None:
        yield
        return
    with temporary_keys.lent(case.reply.message_id, key):
        yield


def _key(case: Case) -> bytes | None:
    """None where there is none, or the secret it was sealed under is lost."""
    if case.sealed_key is None:
        return None
    try:
        return unseal_bytes(case.sealed_key)
    except Unreadable:
        return None
