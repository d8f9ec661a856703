"""Make turns of a tree in which anybody may follow anybody: questions and answers in alternation, as we keep them.

    person ── person ── assistant ── (tool) ── assistant      becomes
    one question of both ── one answer of both

What is not shown is taken out and its followers move up. Of several in a row by the same side one is made; where they
branch, each branch gets the whole. A chat that begins with an answer gets a question of three dots.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from webapp.sharing.errors import BadFile
from webapp.sharing.importing.foreign import MAX_TEXT_CHARS, ForeignChat, ForeignNode, ForeignThumb

MAX_RUN = 200
MAX_CHARS = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A question or an answer. `follows` is the `key` of what it follows, always of the other side and made before."""

    key: str
    follows: str | None
    is_question: bool
    text: str
    at: datetime | None
    model: str
    node_ids: tuple[str, ...]
    thumb: ForeignThumb | None = None


@dataclass(frozen=True, slots=True)
class _Run:
    """Nodes in a row by one side, that end in `node`."""

    node: ForeignNode
    before: tuple[ForeignNode, ...]
    follows: str | None


def said_in(chat: ForeignChat) -> Iterator[Said]:
    """Everything that was said, each after what it follows. Raises BadFile where a small tree makes a huge text."""
    followers = _followers(chat.nodes)
    waiting = [_Run(node, (), None) for node in reversed(followers[None])]
    num_chars = 0
    while waiting:
        run = waiting.pop()
        if len(run.before) > MAX_RUN or num_chars > MAX_CHARS:
            raise BadFile("too_much")
        nodes = (*run.before, run.node)
        after = followers[run.node.id]
        same = [node for node in after if node.role == run.node.role]
        others = [node for node in after if node.role != run.node.role]
        key = run.node.id
        if others or not same:
            is_question = run.node.role == "person"
            joined = "\n\n".join(node.text for node in nodes if node.text)[:MAX_TEXT_CHARS]
            num_chars += len(joined)
            follows = run.follows
            if follows is None and not is_question:
                follows = f"{key}?"
                yield Said(key=follows, follows=None, is_question=True, text="…", at=nodes[0].at, model="", node_ids=())
            yield Said(
                key=key,
                follows=follows,
                is_question=is_question,
                text=joined,
                at=nodes[0].at,
                model=run.node.model,
                node_ids=tuple(node.id for node in nodes),
                thumb=run.node.thumb,
            )
        waiting += [_Run(node, (), key) for node in reversed(others)]
        waiting += [_Run(node, nodes, run.follows) for node in reversed(same)]


def _followers(nodes: Sequence[ForeignNode]) -> dict[str | None, list[ForeignNode]]:
    """The shown nodes that follow each shown node, in the order of the file. What is in a circle follows nothing."""
    by_id = {node.id: node for node in nodes}
    shown_above: dict[str, str | None] = {}
    followers: dict[str | None, list[ForeignNode]] = defaultdict(list)
    for node in by_id.values():
        if node.is_shown:
            followers[_shown_above(node, by_id, shown_above)].append(node)
    return followers


def _shown_above(node: ForeignNode, by_id: dict[str, ForeignNode], known: dict[str, str | None]) -> str | None:
    """The nearest shown node above, remembered for every node passed on the way."""
    passed: dict[str, None] = {}  # in order, and quick to look in: a row may be long
    parent = node.parent
    found: str | None = None
    while parent is not None and parent in by_id and parent not in passed:
        above = by_id[parent]
        if above.is_shown:
            found = parent
            break
        if parent in known:
            found = known[parent]
            break
        passed[parent] = None
        parent = above.parent
    known.update(dict.fromkeys(passed, found))
    return found
