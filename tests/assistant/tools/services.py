"""What tools are given in tests."""

from collections.abc import Sequence

from assistant.ports import Passage, WebPage


class EmptyIndex:
    async def search(self, query: str, *, k: int) -> Sequence[Passage]:
        return ()


class FoundPages:
    """A search engine that finds the same for everything."""

    def __init__(self, *pages: WebPage) -> None:
        self.pages = pages

    async def search(self, query: str, *, k: int) -> Sequence[WebPage]:
        return self.pages[:k]
