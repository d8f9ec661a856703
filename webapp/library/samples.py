"""The sample library: help pages that come with Cria, as Markdown files with a title and a slug on top."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

SAMPLE_FOLDER: Final = Path(__file__).parent / "sample"
_NAMESPACE: Final = uuid5(NAMESPACE_URL, "cria/sample-library")


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePage:
    title: str
    slug: str
    text: str

    @property
    def document_id(self) -> UUID:
        """Always the same for a slug, so that a link to the page outlives an update of its text."""
        return uuid5(_NAMESPACE, self.slug)


def sample_pages(folder: Path = SAMPLE_FOLDER) -> Iterator[SamplePage]:
    """The pages in the order of their file names. Raises ValueError naming a file without title or slug."""
    for path in sorted(folder.glob("*.md")):
        opening, head, text = path.read_text(encoding="utf-8").split("---\n", 2)
        fields = dict(line.split(": ", 1) for line in head.splitlines())
        if opening or fields.keys() != {"title", "slug"}:
            raise ValueError(f"{path.name} does not begin with a title and a slug between two lines of ---")
        yield SamplePage(title=fields["title"], slug=fields["slug"], text=text)
