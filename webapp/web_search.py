"""The web search port over a SearXNG-compatible address, for operators who have one."""

from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx

from assistant.errors import RetrievalUnavailable
from assistant.ports import WebPage

TIMEOUT_S = 10.0
MAX_TITLE_CHARS = 120
MAX_EXCERPT_CHARS = 200


class SearxngSearch:
    """`url` is the address of the search page: `?q=…&format=json` is added to it."""

    def __init__(self, url: str) -> None:
        self._url = httpx.URL(url)

    async def search(self, query: str, *, k: int) -> Sequence[WebPage]:
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                response = await client.get(self._url.copy_merge_params({"q": query, "format": "json"}))
                response.raise_for_status()
                results = response.json()["results"]
                pages = [_page(result) for result in results if _is_web_address(result["url"])]
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RetrievalUnavailable(f"web search failed ({type(error).__name__})") from error
        return pages[:k]


def _is_web_address(url: str) -> bool:
    """One that is malformed is left out alone: whoever wrote it must not take the others along."""
    try:
        return urlsplit(url).scheme in {"http", "https"}
    except ValueError:
        return False


def _page(result: dict[str, str]) -> WebPage:
    return WebPage(
        title=str(result.get("title") or result["url"])[:MAX_TITLE_CHARS],
        url=result["url"],
        excerpt=str(result.get("content") or "")[:MAX_EXCERPT_CHARS],
    )
