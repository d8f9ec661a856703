"""A smaller model of the same vocabulary writes ahead, greedily.

It keeps its own keys and values in a second storage, under the target's block ids. Before it drafts it catches up with
what was chosen, whoever computed it: an ordinary segment from the first position it lacks. Its own drafts, written at
the same positions, need no cleaning up: those that were chosen are already computed, the others are overwritten.

    target chose   ... the  cat  sat | on            draft had computed   ... the cat lay down
                                                      still right            ^^^^^^^
    catch up                     sat   on   -> the    then one row a step: the -> mat, mat -> ...

Speculative decoding with a draft model: Leviathan et al. 2023 (arXiv:2211.17192).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from inference.errors import CheckpointError
from inference.kvcache.storage import BLOCK_TOKENS, KvStorage
from inference.model.attention import tile_end
from inference.model.batch import Batch, DecoderModel, Segment
from inference.speculation.draft_blocks import BlockNames, ComputedBlocks
from inference.speculation.proposer import KeptRows, SequenceView
from inference.text.tokenizer import Tokenizer


@dataclass(slots=True, kw_only=True)
class _Progress:
    """How far the draft model is with one request.

    0                     num_computed                       num_computed + len(drafted)
    |  chosen tokens           |  drafts of the last call         |
    """

    chain: BlockNames
    block_ids: Sequence[int] = ()
    num_computed: int = 0
    drafted: list[int] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class _Writing:
    """One request during a call: what it still lacks, then what it drafts."""

    view: SequenceView
    progress: _Progress
    num_wanted: int
    drafts: list[int] = field(default_factory=list)

    @property
    def position(self) -> int:
        return self.progress.num_computed + len(self.progress.drafted)

    def next_ids(self, budget: int) -> Sequence[int]:
        """The tokens to compute from `position` on: some of those that were chosen, then one draft after the other."""
        tokens = self.view.tokens
        if self.position < len(tokens):
            return tokens[self.position : min(self.position + budget, tile_end(self.position), len(tokens))]
        return self.drafts[-1:] if len(self.drafts) < self.num_wanted else ()

    def note_computed(self, ids: Sequence[int]) -> None:
        if self.position < len(self.view.tokens):
            self.progress.num_computed += len(ids)
        else:
            self.progress.drafted += ids


class DraftModelProposer:
    """Drafts for many requests at once. Each pass computes, for each request, a piece of what it lacks or one draft.

    num_blocks          of the target's storage; the ids are shared
    num_ids             ids that the target knows; a padded draft vocabulary has more
    max_catch_up_tokens of chosen tokens computed in one call, for all requests together. Who is not ready by then gets
                        no draft, so that a long prompt that only the target knows does not hold up everybody else
    """

    def __init__(
        self, model: DecoderModel, *, num_blocks: int, num_ids: int | None = None, max_catch_up_tokens: int = 512
    ) -> None:
        self._model = model
        self._num_ids = min(num_ids or model.shape.vocab_size, model.shape.vocab_size)
        self._max_catch_up_tokens = max_catch_up_tokens
        self._kv = KvStorage(model.kv_shape, num_blocks=num_blocks)
        self._blocks = ComputedBlocks()
        self._progress: dict[str, _Progress] = {}

    def propose_all(self, views: Sequence[SequenceView], nums: Sequence[int]) -> list[list[int]]:
        """Drafts by argmax, at most as many as there is room for in a view's blocks and in the model's context."""
        all_of_them = [
            _Writing(view=view, progress=self._progress_of(view), num_wanted=min(num, self._room(view)))
            for view, num in zip(views, nums, strict=True)
        ]
        # Those that lack least first: they are the ones whose readers are waiting for their next token.
        open_ones = sorted((w for w in all_of_them if w.num_wanted > 0), key=lambda w: len(w.view.tokens) - w.position)
        budget = self._max_catch_up_tokens
        while pieces := self._pieces(open_ones, budget):
            budget -= sum(len(ids) for writing, ids in pieces if not writing.drafts)
            self._compute(pieces)
        return [writing.drafts for writing in all_of_them]

    def observe(self, kept: Sequence[KeptRows]) -> None:
        """It reads the text by itself, when it is asked."""

    def learn(self, view: SequenceView) -> None:
        """There is nothing to learn: computed blocks outlive their request by themselves."""

    def forget(self, request_id: str) -> None:
        self._progress.pop(request_id, None)

    def _room(self, view: SequenceView) -> int:
        """The last draft is not computed here, so there may be one more than positions after the last token."""
        num_positions = min(len(view.block_ids) * BLOCK_TOKENS, self._model.max_context)
        return max(0, num_positions - len(view.tokens) + 1)

    def _progress_of(self, view: SequenceView) -> _Progress:
        """The request's progress, brought up to the tokens chosen since. The last of them is left to compute."""
        progress = self._progress.get(view.request_id)
        if progress is None or progress.block_ids != tuple(view.block_ids[: len(progress.block_ids)]):
            progress = self._progress[view.request_id] = _Progress(chain=BlockNames(salt=view.cache_salt))
        progress.block_ids = tuple(view.block_ids)
        progress.chain.extend(view.tokens)
        known, most = progress.num_computed, len(view.tokens) - 1
        chosen = view.tokens[known : known + len(progress.drafted)]
        pairs = zip(progress.drafted, chosen, strict=False)
        num_right = next((i for i, (draft, token) in enumerate(pairs) if draft != token), len(chosen))
        self._blocks.have_written(view.block_ids, progress.chain.names, known, known + num_right)
        known += num_right
        num_blocks = self._blocks.num_valid(view.block_ids, progress.chain.names, first=known // BLOCK_TOKENS)
        progress.num_computed = min(max(known, num_blocks * BLOCK_TOKENS), most)
        progress.drafted = []
        return progress

    def _pieces(self, open_ones: Sequence[_Writing], budget: int) -> list[tuple[_Writing, Sequence[int]]]:
        pieces = []
        for writing in open_ones:
            if ids := writing.next_ids(budget):
                pieces.append((writing, ids))
                budget -= 0 if writing.drafts else len(ids)
        return pieces

    def _compute(self, pieces: Sequence[tuple[_Writing, Sequence[int]]]) -> None:
        """One pass. Those whose tokens are all computed after it get their next draft."""
        ids: list[int] = []
        segments: list[Segment] = []
        ready: list[tuple[_Writing, int]] = []
        for writing, piece in pieces:
            position, block_ids, names = writing.position, writing.view.block_ids, writing.progress.chain.names
            self._blocks.about_to_write(block_ids, names, position, position + len(piece))
            segments.append(Segment(row=len(ids), num_tokens=len(piece), position=position, block_ids=block_ids))
            ids += piece
            if position + len(piece) >= len(writing.view.tokens):
                ready.append((writing, len(ids) - 1))
        logits = self._model.forward(Batch(ids=ids, segments=segments, logit_rows=[row for _, row in ready]), self._kv)
        for writing, piece in pieces:
            progress, known = writing.progress, writing.progress.num_computed
            writing.note_computed(piece)
            self._blocks.have_written(progress.block_ids, progress.chain.names, known, progress.num_computed)
        best = logits[:, : self._num_ids].argmax(dim=-1).tolist() if ready else []
        for (writing, _), token_id in zip(ready, best, strict=True):
            writing.drafts.append(token_id)


def check_same_vocabulary(target: Tokenizer, draft: Tokenizer, *, draft_path: Path | str) -> None:
    """Raises CheckpointError naming the first id that does not mean the same to both models.

    A draft is an id. If 17 is "cat" here and "dog" there, no draft is ever right, and nothing else would show it.
    Ids that one of them reserves may have a name in the other: Llama 3.1 named some of 3.0's.
    """
    target_names, draft_names = ({i: name for name, i in t.special.items()} for t in (target, draft))
    for token_id in range(max(target.vocab_size, draft.vocab_size)):
        ours, theirs = target.token_bytes(token_id), draft.token_bytes(token_id)
        our_name, their_name = target_names.get(token_id, ""), draft_names.get(token_id, "")
        is_reserved = "reserved" in our_name or "reserved" in their_name
        if ours != theirs or (our_name != their_name and not is_reserved):
            reason = (
                f"it cannot draft for this model: token {token_id} is {our_name or ours!r} there "
                f"and {their_name or theirs!r} here"
            )
            raise CheckpointError(draft_path, reason)
