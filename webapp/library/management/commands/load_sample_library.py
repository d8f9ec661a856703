"""`manage.py load_sample_library`: put the help pages into the library, where a worker will index them."""

from typing import Any

from django.core.management.base import BaseCommand

from webapp.library.samples import sample_pages
from webapp.library.services.documents import put_sample_document


class Command(BaseCommand):
    help = "Adds or updates the help pages that come with Cria. Can be run again at any time."

    def handle(self, *args: Any, **options: Any) -> None:
        changes = [
            put_sample_document(document_id=page.document_id, title=page.title, text=page.text)
            for page in sample_pages()
        ]
        self.stdout.write(f"Sample library: {len(changes)} pages, {sum(changes)} new or changed.")
