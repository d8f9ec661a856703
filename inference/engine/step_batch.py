"""Between the scheduler, the model and the proposers: what a step computes, and what remains of it."""

from collections.abc import Sequence as Seq

from torch import Tensor

from inference.model.batch import Batch, Segment
from inference.scheduler.scheduler import Work
from inference.scheduler.sequence import Sequence
from inference.speculation.proposer import KeptRows, SequenceView

Rows = Tensor | Seq[int]
"""What a sequence's next tokens are chosen from: logits [rows, vocab], or what the device chose from them."""


def batch_of(works: Seq[Work]) -> tuple[Batch, Seq[Work]]:
    """The tokens of all works as one batch, and those works that have logits in it, in order.

    The logits of a work are those of its scored positions, then one for the next token and one after each draft.
    """
    ids: list[int] = []
    segments: list[Segment] = []
    logit_rows: list[int] = []
    logit_works = []
    for work in works:
        sequence, end = work.sequence, work.position + work.num_tokens
        segments.append(segment_of(work, row=len(ids)))
        ids += sequence.tokens[work.position : end] + sequence.drafts[: work.num_drafts]
        logit_rows += [segments[-1].row + position - work.position for position in work.scored]
        if work.has_logits:
            logit_rows += range(len(ids) - work.num_drafts - 1, len(ids))
        if work.scored or work.has_logits:
            logit_works.append(work)
    return Batch(ids=ids, segments=segments, logit_rows=logit_rows), logit_works


def rows_by_sequence(logit_works: Seq[Work], rows: Rows) -> dict[Sequence, Rows]:
    """Whose the rows are that a batch was asked for."""
    rows_of: dict[Sequence, Rows] = {}
    end = 0
    for work in logit_works:
        start, end = end, end + len(work.scored) + (work.num_drafts + 1 if work.has_logits else 0)
        rows_of[work.sequence] = rows[start:end]
    return rows_of


def segment_of(work: Work, *, row: int) -> Segment:
    """What a work computes, as consecutive rows of a batch."""
    return Segment(row=row, num_tokens=work.num_tokens, position=work.position, block_ids=work.sequence.block_ids)


def view(sequence: Sequence) -> SequenceView:
    """The sequence as proposers see it."""
    request = sequence.request
    return SequenceView(
        request_id=request.request_id,
        tokens=sequence.tokens,
        num_prompt=len(request.prompt_ids),
        num_computed=sequence.num_computed,
        block_ids=sequence.block_ids,
        cache_salt=request.cache_salt,
    )


def kept(sequence: Sequence, segment: Segment) -> KeptRows:
    """What remains of a segment: not the drafts that were wrong, and no last row that nothing was chosen after."""
    end = min(sequence.num_computed, len(sequence.tokens) - 1)
    return KeptRows(view=view(sequence), row=segment.row, num_rows=end - segment.position, position=segment.position)
