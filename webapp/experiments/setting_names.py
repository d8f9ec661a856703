"""What can be set of an answer, as people read it."""

from collections.abc import Iterator, Mapping

from django.utils.translation import gettext_lazy

NAMES = {
    "prompt": gettext_lazy("Prompt"),
    "temperature": gettext_lazy("Temperature"),
    "top_p": gettext_lazy("Top p"),
    "max_reply_tokens": gettext_lazy("Tokens of an answer, at most"),
    "num_passages": gettext_lazy("Passages of the library"),
    "passage_tokens": gettext_lazy("Tokens of passages, at most"),
    "min_similarity": gettext_lazy("Similarity of passages, at least"),
    "similarity_to_best": gettext_lazy("Share of the nearest passage's similarity, at least"),
    "passages_per_document": gettext_lazy("Passages of one document, at most"),
    "endpoint": gettext_lazy("Model server"),
    "starters": gettext_lazy("Ideas to begin with"),
    "shadow_policy": gettext_lazy("Guard policy in shadow"),
}


def named(values: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """What is set of these, each with its name."""
    for name, value in values.items():
        if value not in (None, ""):
            yield str(NAMES[name]), value
