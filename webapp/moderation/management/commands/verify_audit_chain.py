from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from webapp.moderation.services import chain
from webapp.moderation.services.chain import Anchor, Checked, NoAnchor


class Command(BaseCommand):
    help = "Check the record of the staff's acts, and compare it with an anchor noted elsewhere. Changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--head", metavar="N:HASH", default="", help="An anchor from a daily letter, the log or an earlier run."
        )

    def handle(self, *_args: Any, head: str, **_options: Any) -> None:
        """Raises CommandError, so that the command ends with an error, if anything is wrong."""
        try:
            anchor = Anchor.parse(head) if head else None
        except NoAnchor as error:
            raise CommandError(str(error)) from None
        found = chain.check(anchor)
        if found.wrong:
            raise CommandError(_said(found, anchor))
        self.stdout.write(_("The chain holds. Anchor: %(head)s") % {"head": found.head})


def _said(found: Checked, anchor: Anchor | None) -> str:
    values = {
        "num": found.num,
        "place": found.num + 1,
        "id": found.broken.pk if found.broken else 0,
        "anchor": anchor.num if anchor else 0,
    }
    match found.wrong:
        case "cut":
            text = _("The newest entries are missing: %(num)d are left of the %(anchor)d that the anchor knows.")
        case "rewritten":
            text = _("Entry %(anchor)d (id %(id)d) is not what the anchor knows: it, or one before it, is another.")
        case _:
            text = _("Entry %(place)d (id %(id)d) was changed, or one before it is missing.")
    return text % values
