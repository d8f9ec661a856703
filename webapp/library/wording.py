"""Why there is no text in a document, in words for its owner. The row keeps the code."""

from django.utils.translation import gettext as _


def reason(code: str) -> str:
    """The words for the code; for one of an older version the plainest."""
    reasons = {
        "wrong_type": _("This kind of file cannot be read. Text, Markdown, HTML, PDF, Word (.docx) and CSV can."),
        "too_large": _("This file is too large. It may have 20 MB."),
        "burst": _("This file unpacks to far more than its size says, so it is not read."),
        "too_long": _("There is too much text in it. It may have 2 million characters."),
        "too_many_pages": _("This PDF has too many pages. It may have 2,000."),
        "encrypted": _("This file is locked with a password. Save it without one and try again."),
        "encoding": _("The letters in this file cannot be told apart. Save it as UTF-8 and try again."),
        "no_text": _("There is no text in it that could be searched. Scanned pages are pictures, not text."),
        "too_hard": _("Reading this file took too long. Perhaps a simpler or shorter version works."),
        "nothing_written": _("Please write something first."),
        "too_long_to_paste": _("This text is too long to paste. Add it as a file instead."),
        "suspended": _("You cannot add documents while you are suspended."),
        "nobody": _("This did not get through. Please try again."),
        "no_room": _("Your library is full. Delete something that is not needed any more, then try again."),
    }
    return reasons.get(code, _("This file is damaged and cannot be read."))
