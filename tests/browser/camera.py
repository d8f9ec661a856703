"""Takes pictures of pages, in either theme, and watches them meanwhile."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser

from tests.browser.chat_page import ChatPage, Watch

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


class Camera:
    """`expected` are parts of what the console says of what is shown on purpose."""

    def __init__(self, browser: Browser, url: str, folder: Path, *, expected: Sequence[str] = ()) -> None:
        self._browser = browser
        self._url = url
        self._folder = folder
        self._watch = Watch(host=urlsplit(url).netloc, expected=list(expected))

    def page(self, scheme: str, screen: Mapping[str, object], state: object = None) -> ChatPage:
        context = self._browser.new_context(color_scheme=scheme, storage_state=state, **screen)  # type: ignore[arg-type]
        self._watch.over(context)
        return ChatPage(context.new_page(), self._url)

    def take(self, chat: ChatPage, name: str, *, is_whole: bool = False) -> None:
        chat.page.wait_for_timeout(400)  # until what fades has faded
        path = self._folder / f"{name}.png"
        chat.page.screenshot(path=path, full_page=is_whole)
        print(f"{path.name}  {path.stat().st_size / 1000:.0f} kB")

    def take_both(self, chat: ChatPage, name: str) -> None:
        for scheme in SCHEMES:
            chat.page.emulate_media(color_scheme=scheme)
            self.take(chat, f"{name}-{scheme}")

    def check(self) -> None:
        """Raises RuntimeError if a page did what it must not do while it was photographed."""
        if self._watch.problems:
            raise RuntimeError("\n".join(self._watch.problems))
