"""What tools are given in tests."""

import asyncio
from collections.abc import Sequence

from assistant.errors import PictureFailed
from assistant.ports import ChatMessage, DrawnPicture, KeptPicture, Passage, WebPage
from assistant.safety.verdict import Action, Verdict
from assistant.tools.tool import Drawing


class EmptyIndex:
    async def search(self, query: str, *, k: int) -> Sequence[Passage]:
        return ()


class FoundPages:
    """A search engine that finds the same for everything."""

    def __init__(self, *pages: WebPage) -> None:
        self.pages = pages

    async def search(self, query: str, *, k: int) -> Sequence[WebPage]:
        return self.pages[:k]


class Painter:
    """Draws at once, from other words if it has some; or fails."""

    def __init__(self, *, revised: str = "", error: PictureFailed | None = None) -> None:
        self.revised = revised
        self.error = error
        self.asked: list[str] = []

    async def draw(self, description: str) -> DrawnPicture:
        self.asked.append(description)
        if self.error:
            raise self.error
        return DrawnPicture(content=b"png", media_type="image/png", width=640, height=480, revised=self.revised)


class OnePage:
    """An album with room for one picture."""

    def __init__(self) -> None:
        self.pictures: dict[str, KeptPicture] = {}
        self.blocked: list[Verdict] = []
        self.num_paid = 0

    async def pay(self) -> None:
        self.num_paid += 1

    async def give_back(self) -> None:
        self.num_paid -= 1

    async def kept(self, description: str) -> KeptPicture | None:
        return self.pictures.get(description)

    async def keep(self, description: str, picture: DrawnPicture) -> KeptPicture:
        self.pictures = {description: KeptPicture(id="p1", width=picture.width, height=picture.height)}
        return self.pictures[description]

    async def withheld(self, verdict: Verdict) -> None:
        self.blocked.append(verdict)


class Reader:
    """A guard that blocks what has the word in it."""

    def __init__(self, word: str = "\0") -> None:
        self.word = word
        self.seen: list[str] = []

    async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
        self.seen.append(conversation[-1].text)
        action: Action = "block" if self.word in conversation[-1].text else "allow"
        return Verdict(action=action, score=0.0, categories={}, guard_id="w", policy_version="test", latency_ms=0.0)


class Mute(Reader):
    """A guard that never answers."""

    async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
        await asyncio.Event().wait()
        raise AssertionError


def drawing(painter: Painter | None = None, album: OnePage | None = None, guard: Reader | None = None) -> Drawing:
    return Drawing(maker=painter or Painter(), album=album or OnePage(), guard=guard or Reader())
