"""What can go wrong in the library.

LibraryError
└── DocumentNotFound     absent, deleted or not this person's: nobody can tell which
"""

from typing import ClassVar


class LibraryError(Exception):
    code: ClassVar[str] = "library_error"


class DocumentNotFound(LibraryError):
    code = "not_found"
