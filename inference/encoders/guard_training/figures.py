"""What the guard flags on texts it was not trained on, source by source, printed."""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import average_precision_score

from inference.encoders.guard import Array, Head, windows
from inference.encoders.guard_training.example import CATEGORIES, Example
from inference.encoders.guard_training.reading import CachedEncoder, with_excerpts, worst_logits

ANSWERS = (
    "gptfuzz-harmful",
    "gptfuzz-refusals",
    "complies-harmful",
    "complies-harmless",
    "refuses-harmful",
    "refuses-harmless",
    "hh-chosen",
    "self-instruct-answers",
    "gsm8k-answers",
    "e-mails",
)


def print_prompt_figures(head: Head, examples: Sequence[Example], encoder: CachedEncoder) -> None:
    print("prompts on the dev split: share flagged at 0.5")
    unseen = [example for example in examples if example.split == "dev" and example.unsafe is not None]
    logits = worst_logits(head, [example.text for example in unseen], encoder)
    _print_flagged(unseen, logits)
    named = [e for e in unseen if e.unsafe and e.categories and e.source not in ("hatecheck", "tweets")]
    vectors = encoder.encode([windows(example.text)[0] for example in named])
    best = head.logits(vectors, [example.text for example in named])[:, 1:].argmax(axis=1)
    right = np.mean([CATEGORIES[i] in (e.categories or ()) for i, e in zip(best, named, strict=True)])
    print(f"  category named right, of {len(named)} harmful: {right:.3f}")


def print_response_figures(head: Head, examples: Sequence[Example], encoder: CachedEncoder) -> None:
    print("responses on the dev split: share flagged at 0.5")
    for name, chosen in (("whole", [*examples]), ("excerpts", with_excerpts(examples)[len(examples) :])):
        unseen = [example for example in chosen if example.split == "dev" and example.source in ANSWERS]
        print(f" {name}")
        _print_flagged(unseen, worst_logits(head, [example.text for example in unseen], encoder))


def _print_flagged(examples: Sequence[Example], logits: Array) -> None:
    unsafe = np.array([bool(example.unsafe) for example in examples])
    for wanted, title in ((True, "harmful"), (False, "harmless")):
        for source in sorted({e.source for e, is_unsafe in zip(examples, unsafe, strict=True) if is_unsafe == wanted}):
            chosen = np.array([e.source == source for e in examples]) & (unsafe == wanted)
            print(f"  {title:8} {source:28} {np.mean(logits[chosen] > 0):.3f} of {chosen.sum()}")
    print(f"  average precision {average_precision_score(unsafe, logits):.3f}")
