"""Searches the documents that the person may read: "Search my documents for the warranty"."""

import re
from functools import partial
from typing import Final

from assistant.personal import as_line
from assistant.ports import Passage
from assistant.tools.tool import Arguments, Tool, ToolResult, ToolServices, object_schema, text_of

NUM_PASSAGES: Final = 3
EXCERPT_CHARS: Final = 180
_SHOWN_TITLES: Final = 3
_PLACE: Final = r"(?:in |through )?(?:my |our |the )?(?:own )?(?:library|documents?|files|notes|uploads)"
_ASKED = re.compile(
    rf"(?:please |can you |could you )*(?:search|look|check|find)(?: (?:in|through))? {_PLACE} (?:for|about) (?P<a>.+)"
    rf"|(?:please |can you |could you )*(?:search for|look for|look up|find) (?P<b>.+?) {_PLACE}"
    rf"|what (?:do|does) {_PLACE} say (?:about|on) (?P<c>.+)",
    re.IGNORECASE | re.DOTALL,
)


def tool(services: ToolServices) -> Tool:
    return Tool(
        name="library",
        title="Searched your library",
        description="Searches the person's own documents and gives the passages nearest to the query.",
        parameters=object_schema(query={"type": "string", "maxLength": 300}),
        detect=detect,
        run=partial(run, services),
        show=lambda arguments: str(arguments.get("query", "")),
        timeout_s=10.0,
    )


def detect(message: str) -> Arguments | None:
    """A message that names the library or the person's documents as the place to look."""
    found = _ASKED.fullmatch(message.strip().rstrip("?.!"))
    query = next(filter(None, found.groups()), "").strip() if found else ""
    return {"query": query} if query and len(query) <= 300 else None


async def run(services: ToolServices, arguments: Arguments) -> ToolResult:
    passages = await services.index.search(text_of(arguments, "query"), k=NUM_PASSAGES)
    if not passages:
        return ToolResult(text="I found nothing about this in your library.", short="–", is_answer=True)
    titles = list(dict.fromkeys(passage.title for passage in passages))[:_SHOWN_TITLES]
    found = "\n".join(map(_quoted, passages))
    return ToolResult(text=f"This is in your library:\n\n{found}", short=", ".join(titles), is_answer=True)


def _quoted(passage: Passage) -> str:
    excerpt = as_line(passage.text)
    cut = excerpt if len(excerpt) <= EXCERPT_CHARS else f"{excerpt[:EXCERPT_CHARS].rpartition(' ')[0]}…"
    return f"- **{as_line(passage.title)}**: {cut}"
