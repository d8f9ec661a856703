"""A reply while it grows: its text, the token ids of that text, and how it looks."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from assistant.events import Block, Event, Tail
from assistant.rendering.blocks import BlockSplitter
from assistant.rendering.markdown import render_block, render_tail


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What of a reply is on record: `token_ids` decode to exactly `text`, or are empty where the engine tells none.

    The guard has passed all of it but the last `num_unchecked` characters (none in buffered mode).
    """

    text: str = ""
    token_ids: tuple[int, ...] = ()
    num_unchecked: int = 0


class GrowingReply:
    """Turns released text into events. Each block is rendered once, when it closes; the open tail when it is asked for.

    Begins with what an earlier owner of the turn wrote, so that a continued reply has the same blocks as one that was
    never interrupted. Links lead to `known_hosts` only; others are shown as text.
    """

    def __init__(self, written: Written, *, known_hosts: Collection[str] | None = None) -> None:
        self._splitter = BlockSplitter()
        self._known_hosts = known_hosts
        self._num_unchecked = written.num_unchecked
        self._text: list[str] = [written.text]
        self._token_ids: list[int] = list(written.token_ids)
        self._has_ids = bool(written.token_ids) or not written.text
        self._has_news = False
        self.blocks: list[str] = self._rendered(self._splitter.feed(written.text))
        self.tail = self._rendered_tail()
        self._num_sent = len(self.blocks)

    @property
    def has_news(self) -> bool:
        return self._has_news

    @property
    def written(self) -> Written:
        return Written(
            text="".join(self._text),
            token_ids=tuple(self._token_ids) if self._has_ids else (),
            num_unchecked=self._num_unchecked,
        )

    def add(self, text: str, token_ids: Sequence[int], *, num_unchecked: int = 0) -> None:
        """Append released text. Ids are kept only as long as there are ids for everything."""
        self._num_unchecked = num_unchecked
        self._text.append(text)
        self._has_ids = self._has_ids and bool(token_ids or not text)
        self._token_ids.extend(token_ids)
        self.blocks += self._rendered(self._splitter.feed(text))
        self._has_news = True

    def close(self) -> None:
        """All of it has passed and no more text comes: the tail becomes the last block."""
        self._num_unchecked = 0
        self.blocks += self._rendered(self._splitter.finish())
        self.tail = ""
        self._has_news = self._num_sent < len(self.blocks)

    def take_news(self) -> list[Event]:
        """What changed since the last call: newly closed blocks, each with what follows it, or else the open tail."""
        self.tail = self._rendered_tail()
        events: list[Event] = [
            Block(index=index, html=self.blocks[index], rest="".join(self.blocks[index + 1 :]) + self.tail)
            for index in range(self._num_sent, len(self.blocks))
        ]
        if self.tail and not events:
            events.append(Tail(index=len(self.blocks), html=self.tail))
        self._num_sent = len(self.blocks)
        self._has_news = False
        return events

    def _rendered(self, sources: Iterable[str]) -> list[str]:
        return [render_block(source, known_hosts=self._known_hosts) for source in sources]

    def _rendered_tail(self) -> str:
        return render_tail(self._splitter.tail, known_hosts=self._known_hosts) if self._splitter.tail else ""
