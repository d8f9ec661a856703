"""Why something is not shared, exported or imported. `user_text` is shown.

SharingError
├── NothingToShare  no chosen turn has an answer that may be shown
└── BadFile         what was uploaded is not imported, and nothing of it is; `code` is one of `webapp.sharing.wording`
"""

from webapp.sharing.wording import refusal


class SharingError(Exception):
    def __init__(self, user_text: str) -> None:
        super().__init__(type(self).__name__)
        self.user_text = user_text


class NothingToShare(SharingError):
    pass


class BadFile(SharingError):
    def __init__(self, code: str) -> None:
        super().__init__(refusal(code))
        self.code = code
