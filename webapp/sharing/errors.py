"""Why something is not shared, exported or imported. `user_text` is shown.

SharingError
├── NothingToShare  no chosen turn has an answer that may be shown
└── BadFile         what was uploaded cannot be read as chats; nothing was imported
"""


class SharingError(Exception):
    def __init__(self, user_text: str) -> None:
        super().__init__(type(self).__name__)
        self.user_text = user_text


class NothingToShare(SharingError):
    pass


class BadFile(SharingError):
    pass
