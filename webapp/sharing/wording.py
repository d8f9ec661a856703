"""What became of an import, in words for whoever asked for it. The row keeps codes and numbers."""

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webapp.chat.services.organising import MAX_FOLDERS, MAX_TAGS


def refusal(code: str) -> str:
    """Why a file is not imported; for the code of an older version the plainest words."""
    reasons = {
        "no_file": _("Choose a file first."),
        "none_chosen": _("Choose at least one chat."),
        "in_progress": _("Another import of yours is still going on. Please wait until it is done."),
        "too_large": _(
            "This file is larger than 50 MB. Put its conversations.json into a zip file with nothing else in it, and "
            "choose that: it is much smaller."
        ),
        "too_much": _("There is more in this file than can be imported at once."),
        "too_much_chosen": _(
            "These chats are more than can be imported at once. Choose some of them, and the others after that."
        ),
        "bad_zip": _("This zip file is damaged or locked."),
        "other_zip": _("There is no conversations.json in this zip file."),
        "no_json": _("This is not a chat export: it cannot be read as JSON."),
        "later_version": _("This file was written by a later version of Cria."),
        "no_chats": _("There are no chats in this file that can be read."),
        "contradictory": _("Things in this file contradict each other."),
    }
    return reasons.get(code, _("This did not work. Please try once more."))


def left_out(counts: Mapping[str, int]) -> list[str]:
    """What of the chosen chats was not imported and why, a sentence for each `ChatImport.left_out`."""
    sentences: list[str] = []
    if num := counts.get("here"):
        told = ngettext(
            "%(num)d chat was here already and was left as it is.",
            "%(num)d chats were here already and were left as they are.",
            num,
        )
        sentences.append(told % {"num": num})
    if num := counts.get("folders"):
        told = ngettext(
            "%(num)d chat is in no folder, because you can have %(most)d folders.",
            "%(num)d chats are in no folder, because you can have %(most)d folders.",
            num,
        )
        sentences.append(told % {"num": num, "most": MAX_FOLDERS})
    if num := counts.get("tags"):
        told = ngettext(
            "%(num)d tag was left out, because a chat can have %(most)d tags.",
            "%(num)d tags were left out, because a chat can have %(most)d tags.",
            num,
        )
        sentences.append(told % {"num": num, "most": MAX_TAGS})
    return sentences + [told % {"num": counts[kind]} for kind, told in _inside(counts) if counts.get(kind)]


def _inside(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """What is missing in the chats themselves. Images and files have a note in their place."""
    return [
        (
            "images",
            ngettext(
                "%(num)d image did not come along; a note stands in its place.",
                "%(num)d images did not come along; a note stands in their place.",
                counts.get("images", 0),
            ),
        ),
        (
            "files",
            ngettext(
                "%(num)d file did not come along; a note stands in its place.",
                "%(num)d files did not come along; a note stands in their place.",
                counts.get("files", 0),
            ),
        ),
        (
            "steps",
            ngettext(
                "%(num)d use of a tool was left out, with what the tool said.",
                "%(num)d uses of tools were left out, with what the tools said.",
                counts.get("steps", 0),
            ),
        ),
        (
            "thoughts",
            ngettext(
                "What the model thought before it answered was left out %(num)d time.",
                "What the model thought before it answered was left out %(num)d times.",
                counts.get("thoughts", 0),
            ),
        ),
        (
            "unknown",
            ngettext(
                "%(num)d thing of a kind that Cria cannot read was left out.",
                "%(num)d things of a kind that Cria cannot read were left out.",
                counts.get("unknown", 0),
            ),
        ),
    ]
