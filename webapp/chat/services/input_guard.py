"""Whether the guard has to be asked about a message once more: not if it has passed, or the staff let it pass."""

from webapp.chat.models import Message, Reply


def was_released(message: Message) -> bool:
    """Whether the guard withheld it and the staff let it pass: then no other answer is withheld for it."""
    return Reply.objects.released().filter(message=message).exists()


def has_passed(reply: Reply) -> bool:
    """Whether the message of `reply` may be answered without asking, as things stand now.

    What let it pass is a verdict, of this reply or of those that it goes on from, or a release that still stands. The
    row alone does not tell: a release may have been taken back since.
    """
    if not reply.input_checked:
        return False
    if was_released(reply.message):
        return True
    said: Reply | None = reply
    while said is not None:
        last = said.verdicts.filter(direction="input").order_by("created_at", "pk").last()
        if last is not None:
            return last.action != "block"
        said = said.continued_from
    return False
