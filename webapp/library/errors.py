"""What can go wrong in the library.

LibraryError
├── DocumentNotFound     absent, deleted or not this person's: nobody can tell which
└── NotAdded             nothing is stored, for `reason`: a code of `webapp.library.wording`
    ├── LibraryFull      as many documents, or as much text, as one person may keep
    └── BadUpload        this cannot be read, or there is nothing in it
"""

from typing import ClassVar


class LibraryError(Exception):
    code: ClassVar[str] = "library_error"


class DocumentNotFound(LibraryError):
    code = "not_found"


class NotAdded(LibraryError):
    code = "not_added"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LibraryFull(NotAdded):
    code = "full"

    def __init__(self) -> None:
        super().__init__("no_room")


class BadUpload(NotAdded):
    code = "bad_upload"
