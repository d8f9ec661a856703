"""What can go wrong in a turn.

AssistantError
├── ModelUnavailable       the engine cannot be reached or broke off: the turn waits and continues
├── ModelRefused           the engine refused the request: the turn fails
├── GuardUnavailable       no verdict can be had: the policy decides, closed by default
├── RetrievalUnavailable   no passages can be had: the turn goes on without them
├── PictureFailed          no picture can be had: the answer says why
│   ├── PictureRefused         whoever draws it does not draw this
│   ├── PictureWithheld        the guard blocks what it would be drawn from
│   ├── PictureTooLarge        it is larger than what is kept
│   ├── NotAPicture            what came is none that is shown
│   ├── TooManyPictures        the person has had as many as fit into a day
│   └── NoRoomForPicture       the person keeps as many as they may
├── PromptTooLong          the message does not fit the context window
└── WindowFull             an answer to go on with fills the context window already

`code` is stable and goes over the wire; `user_text` is for people, in English: whoever shows it translates it;
str(error) is for the log and holds no user text.
"""

from typing import ClassVar

from assistant.wording import gettext_noop


class AssistantError(Exception):
    code: ClassVar[str] = "assistant_error"
    user_text: str = gettext_noop("Something went wrong on our side. Your message is safe; please try again.")


class ModelUnavailable(AssistantError):
    code = "model_unavailable"
    user_text = gettext_noop(
        "The model is not available right now. Your message is safe; please try again in a minute."
    )


class ModelRefused(AssistantError):
    code = "model_refused"
    user_text = gettext_noop("The model could not take this request. Try a shorter message or a new chat.")


class GuardUnavailable(AssistantError):
    code = "guard_unavailable"
    user_text = gettext_noop(
        "The safety check is not available right now, so no answer can be given. Please try again in a minute."
    )


class RetrievalUnavailable(AssistantError):
    code = "retrieval_unavailable"
    user_text = gettext_noop("The library cannot be searched right now.")


class PictureFailed(AssistantError):
    code = "picture_failed"
    user_text = gettext_noop("The picture could not be drawn right now. Please try again later.")


class PictureRefused(PictureFailed):
    code = "picture_refused"
    user_text = gettext_noop("The service that draws pictures does not draw this. Please try other words.")


class PictureWithheld(PictureFailed):
    code = "picture_withheld"
    user_text = gettext_noop(
        "What this picture would be drawn from did not pass the safety check. Please try other words."
    )


class PictureTooLarge(PictureFailed):
    code = "picture_too_large"
    user_text = gettext_noop("The picture that came back is too large to be kept here.")


class NotAPicture(PictureFailed):
    code = "not_a_picture"
    user_text = gettext_noop("What came back is not a picture that can be shown here.")


class TooManyPictures(PictureFailed):
    """`user_text` may say when the next one can be drawn, in the language of the person."""

    code = "too_many_pictures"
    user_text = gettext_noop("You have had as many pictures as fit into a day. Please try again later.")

    def __init__(self, user_text: str = "") -> None:
        super().__init__("no picture is due")
        if user_text:
            self.user_text = user_text


class NoRoomForPicture(PictureFailed):
    code = "no_room_for_picture"
    user_text = gettext_noop(
        "There is no room for another picture. Delete chats with pictures that you do not need any more."
    )


class PromptTooLong(AssistantError):
    code = "prompt_too_long"
    user_text = gettext_noop("This message is too long for the model. Please shorten it.")


class WindowFull(AssistantError):
    code = "window_full"
    user_text = gettext_noop(
        "This answer fills all the room that the model has for one, so it ends here. "
        "Write a new message to go on, for example “What comes next?”."
    )
