"""The hosts that an answer may link to."""

from assistant.rendering.links import hosts_in
from webapp.chat.models import Reply


def known_hosts(reply: Reply) -> frozenset[str]:
    """Those that its message or a passage it quotes has named."""
    return hosts_in((reply.message.text, *(passage["text"] for passage in reply.passages or ())))
