"""Searches the web through the search engine that the operator has configured; without one there is no such tool."""

import re
from functools import partial
from typing import Final

from assistant.personal import as_line
from assistant.ports import WebPage, WebSearch
from assistant.safety.injection import FLAGGED_AT, suspicion
from assistant.tools.tool import Arguments, Tool, ToolResult, ToolServices, object_schema, text_of

NUM_PAGES: Final = 4
_NOTHING: Final = "The search engine found nothing."
_ORDERS: Final = "What the search engine found gives orders to its reader and was left out."
_ASKED = re.compile(
    r"(?:please |can you |could you )*(?:search (?:the )?(?:web|internet|online) for|look up online|"
    r"google(?! (?:is|was|are|has|had|does|did|can|will|and|or)\b)|"
    r"search online for) (?P<query>.+)",
    re.IGNORECASE | re.DOTALL,
)


def tool(services: ToolServices) -> Tool | None:
    if services.web is None:
        return None
    return Tool(
        name="web",
        title="Searched the web",
        description="Searches the web and gives the title, address and excerpt of the first pages found.",
        parameters=object_schema(query={"type": "string", "maxLength": 300}),
        detect=detect,
        run=partial(run, services.web),
        show=lambda arguments: str(arguments.get("query", "")),
        timeout_s=12.0,
    )


def detect(message: str) -> Arguments | None:
    """A message that asks for a search of the web in so many words: nobody's question goes out unasked."""
    found = _ASKED.fullmatch(message.strip().rstrip("?.!"))
    query = found["query"].strip() if found else ""
    return {"query": query} if query and len(query) <= 300 else None


async def run(web: WebSearch, arguments: Arguments) -> ToolResult:
    found = await web.search(text_of(arguments, "query"), k=NUM_PAGES)
    pages = [page for page in found if not _gives_orders(page)]
    if not pages:
        return ToolResult(text=_ORDERS if found else _NOTHING, short="–", is_answer=True)
    listed = "\n".join(f"- {as_line(page.title)} ({as_line(page.url)}): {as_line(page.excerpt)}" for page in pages)
    titles = ", ".join(page.title for page in pages)
    return ToolResult(text=f"This is what the search engine found:\n\n{listed}", short=titles, is_answer=True)


def _gives_orders(page: WebPage) -> bool:
    """Whoever writes such a page must not keep the others from being read."""
    return suspicion(f"{page.title}\n{page.excerpt}") >= FLAGGED_AT
