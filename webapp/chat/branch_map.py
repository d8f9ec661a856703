"""The map of a chat's branches: where each turn stands when the tree is drawn from the top down.

    (0.5, 0)            a turn stands in the middle above the turns that follow it,
    ╱      ╲            branches stand side by side, each in columns of its own
(0, 1)    (1, 1)
   │
(0, 2)
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models.functions import Substr

from assistant.rendering.words import words_of
from webapp.chat.models import Conversation
from webapp.chat.services.tree import Tree, end_of_branch

CARD_WIDTH, CARD_HEIGHT = 176, 56
COLUMN, ROW, MARGIN = 192, 84, 12
LABEL_CHARS, TITLE_CHARS = 22, 120


@dataclass(frozen=True, slots=True)
class Place:
    """`column` counts from the start of the line, `row` from the top. A column may be a half."""

    column: float
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    reply_id: UUID
    x: float
    y: float
    question: str
    answer: str
    title: str
    is_current: bool
    is_end: bool

    @property
    def middle(self) -> float:
        return self.x + CARD_WIDTH / 2

    @property
    def question_y(self) -> float:
        return self.y + CARD_HEIGHT * 0.33

    @property
    def answer_y(self) -> float:
        return self.y + CARD_HEIGHT * 0.69


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    path: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchMap:
    width: float
    height: float
    nodes: Sequence[Node]
    edges: Sequence[Edge]
    card_width: int = CARD_WIDTH
    card_height: int = CARD_HEIGHT


def lay_out(parents: Mapping[UUID, UUID | None]) -> dict[UUID, Place]:
    """A place for each turn, given the turn it follows; turns in one place are given oldest first.

    Without recursion: a chat may be deeper than Python's stack.
    """
    followers: Mapping[UUID | None, list[UUID]] = defaultdict(list)
    for turn, parent in parents.items():
        followers[parent].append(turn)
    rows: dict[UUID, int] = {}
    waiting = [(turn, 0) for turn in reversed(followers[None])]
    while waiting:  # each turn before those that follow it, and branch by branch
        turn, row = waiting.pop()
        rows[turn] = row
        waiting += [(follower, row + 1) for follower in reversed(followers.get(turn, []))]
    columns: dict[UUID, float] = {}
    ends = [turn for turn in rows if turn not in followers]
    columns.update({turn: float(number) for number, turn in enumerate(ends)})
    for turn in reversed(rows):
        if after := followers.get(turn):
            columns[turn] = (columns[after[0]] + columns[after[-1]]) / 2
    return {turn: Place(columns[turn], row) for turn, row in rows.items()}


def branch_map(conversation: Conversation) -> BranchMap:
    """The drawing, in two queries more than the tree itself."""
    tree = Tree.of(conversation)
    end = end_of_branch(conversation, tree)
    current = {step.reply_id for step in tree.path_to(end)} if end else set()
    rows = [
        (reply, parent, " ".join(asked.split()), words_of(said)) for reply, parent, asked, said in _rows(conversation)
    ]
    parents = {reply: parent for reply, parent, _, _ in rows}
    places = lay_out(parents)
    nodes = {
        reply: Node(
            reply_id=reply,
            x=MARGIN + places[reply].column * COLUMN,
            y=MARGIN + places[reply].row * ROW,
            question=_shortened(question, LABEL_CHARS),
            answer=_shortened(answer, LABEL_CHARS),
            title="\n\n".join(filter(None, (question, answer))),
            is_current=reply in current,
            is_end=reply == end,
        )
        for reply, _, question, answer in rows
        if reply in places
    }
    edges = [_edge(nodes[parent], node) for reply, node in nodes.items() if (parent := parents[reply]) is not None]
    return BranchMap(
        width=max((node.x for node in nodes.values()), default=0) + CARD_WIDTH + MARGIN,
        height=max((node.y for node in nodes.values()), default=0) + CARD_HEIGHT + MARGIN,
        nodes=list(nodes.values()),
        edges=sorted(edges, key=lambda edge: edge.is_current),  # the current ones are drawn over the others
    )


def _rows(conversation: Conversation) -> list[tuple[UUID, UUID | None, str, str]]:
    """Reply, what its message answers, and how both begin: cut by the database where that can read them."""
    replies = conversation.replies.order_by("created_at")
    if conversation.is_temporary:
        return [
            (reply.pk, reply.message.parent_id, reply.message.text[:TITLE_CHARS], reply.text[:TITLE_CHARS])
            for reply in replies.select_related("message").only("text", "message__text", "message__parent_id")
        ]
    begun = (Substr("message__text", 1, TITLE_CHARS), Substr("text", 1, TITLE_CHARS))
    return list(replies.values_list("pk", "message__parent_id", *begun))


def _edge(parent: Node, node: Node) -> Edge:
    start, end = (parent.middle, parent.y + CARD_HEIGHT), (node.middle, node.y)
    bend = (start[1] + end[1]) / 2
    path = f"M{start[0]:g} {start[1]:g}C{start[0]:g} {bend:g} {end[0]:g} {bend:g} {end[0]:g} {end[1]:g}"
    return Edge(path=path, is_current=node.is_current)


def _shortened(text: str, num_chars: int) -> str:
    return text if len(text) <= num_chars else f"{text[: num_chars - 1].rstrip()}…"
