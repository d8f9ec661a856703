"""One file that any browser shows, without a network: the answers as they stood on the page, with their style sheet.

Other versions are folded away where they branch off. The file may run nothing and load nothing; it says so itself.
"""

import base64
import re
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

from django.contrib.staticfiles import finders
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, get_language_info
from django.utils.translation import gettext as _

from webapp.chat.models import Conversation, Reply
from webapp.chat.services.pictures import description_of
from webapp.sharing.services.export_rows import Row, rows_of

_SHEETS: Final = ("css/tokens.css", "css/prose.css", "css/code.css", "css/exported.css")
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def html_pieces(conversation: Conversation) -> Iterator[str]:
    """The file, in pieces."""
    title = escape(conversation.title)
    language = get_language() or "en"
    direction = "rtl" if get_language_info(language)["bidi"] else "ltr"
    yield (
        f'<!doctype html>\n<html lang="{language}" dir="{direction}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="robots" content="noindex">\n'
        f"<title>{title}</title>\n<style>\n{_style()}</style>\n</head>\n<body>\n<main>\n"
        f"<header><h1>{title}</h1><p>{date_format(timezone.localtime(conversation.created_at))}</p></header>\n"
    )
    for row in rows_of(conversation):
        yield _piece(row)
    yield "</main>\n</body>\n</html>\n"


def _piece(row: Row) -> str:
    if row.message is not None:
        you = _("You")
        return (
            f'<section class="question"><h2>{escape(you)}</h2>'
            f'<div dir="auto">{escape(row.message.text)}</div>{_files(row.files)}</section>\n'
        )
    if row.reply is not None:
        return f'<section class="prose"><h2>Cria</h2>{_picture(row)}{_answer(row.reply)}</section>\n'
    if row.part.kind == "open":
        begins = _("Another version")
        return f"<details><summary>{escape(begins)}</summary>\n"
    return "</details>\n"


def _files(titles: Sequence[str]) -> str:
    attached = _("Attached files")
    return f'<p dir="auto">{escape(attached)}: {escape(", ".join(titles))}</p>' if titles else ""


def _picture(row: Row) -> str:
    """Inside the file."""
    picture = row.picture
    if picture is None or row.reply is None:
        return ""
    content = base64.b64encode(picture.content).decode()
    alt, says = escape(description_of(row.reply)), _("Made by AI. Nobody has checked what it shows.")
    return (
        f'<figure class="picture"><img src="data:{picture.media_type};base64,{content}" alt="{alt}" '
        f'width="{picture.width}" height="{picture.height}">'
        f'<figcaption dir="auto">{alt}<br>{escape(says)}</figcaption></figure>'
    )


def _answer(reply: Reply) -> str:
    if reply.state == Reply.State.BLOCKED:
        return _instead(_("This answer was withheld."))
    blocks = [*reply.blocks, reply.tail] if reply.tail else reply.blocks
    return "".join(f'<div dir="auto">{block}</div>' for block in blocks) or _instead(_("No answer was written."))


def _instead(words: str) -> str:
    return f"<p><em>{escape(words)}</em></p>"


@cache
def _style() -> str:
    """The sheets of the page without what they would load."""
    sheets = (Path(str(finders.find(name))).read_text() for name in _SHEETS)
    return re.sub(r"@font-face\s*\{[^}]*\}", "", "".join(sheets))
