"""What the guard makes of texts that were written after its training: by what they are about."""

from collections.abc import Sequence

from benchmarks.guard.figures import Figures, Section
from benchmarks.guard.quality import scored
from inference.encoders.guard import JAILBREAK, GuardClassifier
from inference.encoders.guard_training.example import Example

UNREAD = "our own texts that nothing was learned from, share flagged"
AS_JAILBREAKS = "the same, share flagged as jailbreaks"


def unread_figures(guard: GuardClassifier, written: Sequence[Example]) -> Figures:
    """Each is one of a group, which is harmful or harmless as a whole; pure jailbreaks are neither."""
    scores = scored(guard, written)
    flagged: dict[str, list[bool]] = {}
    jailbreaks: dict[str, list[bool]] = {}
    for example, row in zip(written, scores, strict=True):
        topic = example.source.removeprefix("contrast/")
        if example.unsafe is not None:
            for group in (topic, "all that are harmful" if example.unsafe else "all that are harmless"):
                flagged.setdefault(group, []).append(row.categories["unsafe"] >= 0.5)
        if example.jailbreak is not None:
            jailbreaks.setdefault(topic, []).append(row.categories[JAILBREAK] >= 0.5)
    return {UNREAD: _shares(flagged), AS_JAILBREAKS: _shares(jailbreaks)}


def _shares(groups: dict[str, list[bool]]) -> Section:
    return {f"{topic} ({len(found)})": sum(found) / len(found) for topic, found in sorted(groups.items())}
