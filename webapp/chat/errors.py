"""Why a command of a person is not carried out.

ChatError
├── NotFound            absent or not yours: the same
│   └── Ended           a temporary chat whose key is gone: nobody can read it any more
├── Refused             nothing was stored; the person keeps the text
│   ├── EmptyMessage
│   ├── MessageTooLong
│   ├── TurnInProgress  one answer at a time in a conversation
│   ├── CannotContinue  the answer is complete
│   ├── CannotBeRated   it is withheld, empty or still being written
│   ├── NothingToSummarise  there are no earlier turns, or a summary stands for them already
│   ├── QueueFull       as many messages wait in this conversation as may
│   ├── TooManyTurns    this person has as many answers being written as one may have
│   ├── LimitReached    sent as much as fits into an hour; says when the next one may come
│   ├── Full            as many folders or tags as there may be
│   ├── EmptyTag
│   ├── NameTaken       another folder of this person is called so
│   ├── Busy            the queue is full; says when to try again
│   ├── TemporaryAway   the keys of temporary chats cannot be reached
│   └── Suspended
├── MalformedCommand    not a command of the protocol
└── TooFast             more commands at once than a person means

`code` goes over the wire, `user_text` is shown.
"""

from typing import ClassVar

from django.utils.translation import gettext as _


class ChatError(Exception):
    code: ClassVar[str] = "error"

    def __init__(self, user_text: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(self.code)
        self.user_text = user_text
        self.retry_after_s = retry_after_s


class NotFound(ChatError):
    code = "not_found"

    def __init__(self) -> None:
        super().__init__(_("This chat does not exist."))


class Ended(NotFound):
    def __init__(self) -> None:
        ChatError.__init__(self, _("This temporary chat has ended."))


class Refused(ChatError):
    code = "refused"


class EmptyMessage(Refused):
    code = "empty"


class MessageTooLong(Refused):
    code = "too_long"


class TurnInProgress(Refused):
    code = "turn_in_progress"


class CannotContinue(Refused):
    code = "complete"


class CannotBeRated(Refused):
    code = "not_rateable"


class NothingToSummarise(Refused):
    code = "nothing_to_summarise"


class QueueFull(Refused):
    code = "queue_full"


class TooManyTurns(Refused):
    code = "too_many"


class LimitReached(Refused):
    code = "limit"


class Full(Refused):
    code = "full"


class EmptyTag(Refused):
    code = "empty_tag"


class NameTaken(Refused):
    code = "name_taken"


class Busy(Refused):
    code = "busy"


class TemporaryAway(Refused):
    code = "temporary_away"

    def __init__(self) -> None:
        super().__init__(_("Temporary chats cannot be read or written at the moment. Please try again soon."))


class Suspended(Refused):
    code = "suspended"


class MalformedCommand(ChatError):
    code = "malformed"


class TooFast(ChatError):
    code = "too_fast"
