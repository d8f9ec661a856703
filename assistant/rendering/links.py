"""Which hosts an answer may link to: those that somebody has named. Any other address is shown and leads nowhere.

An address that a model makes up can carry a conversation away in its path; one click would do it.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

_HOST: Final = re.compile(r"(?<![\w-])(?<![\w-]\.)(?:[\w-]+\.)+[\w-]{2,}|\blocalhost\b")
"""From its first label on, and from no other: a long row of labels that is no host is gone through once."""


def hosts_in(texts: Iterable[str]) -> frozenset[str]:
    """Everything in `texts` that can be the name of a host, with or without an address around it."""
    return frozenset(host.casefold() for text in texts for host in _HOST.findall(text))


def is_known(url: str, known_hosts: Collection[str]) -> bool:
    """Whether `url` leads to one of these hosts, to its `www.`, or to an address of mail there."""
    parts = urlsplit(url)
    host = parts.path.rpartition("@")[2] if parts.scheme.lower() == "mailto" else parts.hostname or ""
    host = host.casefold()
    return host in known_hosts or host.removeprefix("www.") in known_hosts or f"www.{host}" in known_hosts


def unlink_unknown(state: StateCore) -> None:
    """A rule for the parser: links to hosts not in `env["known_hosts"]` become text and address. None: all stay."""
    known_hosts = state.env.get("known_hosts")
    if known_hosts is None:
        return
    for token in state.tokens:
        if token.children and any(child.type == "link_open" for child in token.children):
            token.children = _unlinked(token.children, known_hosts)


def _unlinked(children: Sequence[Token], known_hosts: Collection[str]) -> list[Token]:
    kept: list[Token] = []
    unknown = ""  # the address of the link that is being left out
    label = ""
    for child in children:
        if child.type == "link_open" and not is_known(str(child.attrs.get("href", "")), known_hosts):
            unknown, label = str(child.attrs["href"]), ""
        elif child.type == "link_close" and unknown:
            if label.strip() != unknown:
                kept.append(Token("text", "", 0, content=f" ({unknown})"))
            unknown = ""
        else:
            label += child.content
            kept.append(child)
    return kept
