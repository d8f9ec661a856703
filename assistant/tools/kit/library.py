"""Searches the documents that the person may read: "Search my documents for the warranty"."""

import re
from functools import partial
from typing import Final

from assistant.personal import as_line
from assistant.ports import Passage
from assistant.tools.tool import Arguments, Tool, ToolResult, ToolServices, object_schema, text_of
from assistant.tools.wordings import WORDINGS, wording_of

NUM_PASSAGES: Final = 3
EXCERPT_CHARS: Final = 180
_SHOWN_TITLES: Final = 3
_FOUND: Final = "This is in your library:"
_NOTHING: Final = "I found nothing about this in your library."
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
    text = message.strip().rstrip("?.!؟")
    if query := _query(_ASKED, text):
        return {"query": query}
    for language, wording in WORDINGS.items():
        if query := _query(wording.library.asks, text.lstrip("¿¡")):
            return {"query": query, "language": language}
    return None


def _query(asks: re.Pattern[str], text: str) -> str:
    found = asks.fullmatch(text)
    query = next(filter(None, found.groups()), "").strip() if found else ""
    return query if len(query) <= 300 else ""


async def run(services: ToolServices, arguments: Arguments) -> ToolResult:
    wording = wording_of(arguments.get("language"))
    found, nothing = (wording.library.found, wording.library.found_nothing) if wording else (_FOUND, _NOTHING)
    passages = await services.index.search(text_of(arguments, "query"), k=NUM_PASSAGES)
    if not passages:
        return ToolResult(text=nothing, short="–", is_answer=True)
    titles = list(dict.fromkeys(passage.title for passage in passages))[:_SHOWN_TITLES]
    quoted = "\n".join(map(_quoted, passages))
    return ToolResult(text=f"{found}\n\n{quoted}", short=", ".join(titles), is_answer=True)


def _quoted(passage: Passage) -> str:
    excerpt = as_line(passage.text)
    cut = excerpt if len(excerpt) <= EXCERPT_CHARS else f"{excerpt[:EXCERPT_CHARS].rpartition(' ')[0]}…"
    return f"- **{as_line(passage.title)}**: {cut}"
