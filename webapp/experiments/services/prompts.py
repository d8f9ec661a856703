"""Versions of the system prompt: what it may say, and how it is kept."""

from assistant import prompt_text
from webapp.accounts.models import User
from webapp.experiments.models import PromptVersion
from webapp.experiments.services import versions


def create(text: str, *, note: str, author: User | None, based_on: PromptVersion | None = None) -> PromptVersion:
    """A new version that nothing uses yet. Raises PromptTextError, or Duplicate."""
    text = as_kept(text)
    prompt_text.check(text)
    content_hash = prompt_text.content_hash(text)
    same = PromptVersion.objects.filter(content_hash=content_hash)
    says = {"content_hash": content_hash, "text": text, "based_on": based_on}
    return versions.write(same, note=note, author=author, **says)


def as_kept(text: str) -> str:
    """Without space around it, and with the ends of lines that a text has and a form has not."""
    return text.replace("\r\n", "\n").strip()
