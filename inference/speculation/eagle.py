"""Drafts from an EAGLE-3 head, which goes along with the target model: what it needs are the target's own features.

After each step the engine says which rows were kept, and the target has their features. The head computes them at
once, so that its keys and values are complete and the first draft is ready before anybody asks; each further draft is
one row.

    target computed     x0   x1   x2   x3                 kept, and x4 was chosen
    head, position i    (f0,x1) (f1,x2) (f2,x3) (f3,x4)   -> d5
    drafting            position 4: (h of the row before, d5) -> d6 ...   overwritten when the true f4 comes

Its keys and values lie under the target's block ids, like those of a draft model. Features are never kept, so what the
target took from the prefix cache is known to the head only if the head computed those blocks for an earlier request;
otherwise it looks no further back than where its own knowledge begins. The last place of a block depends on the token
after it, too, and may stem from another continuation: one position that is off costs a little acceptance, no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from inference.kvcache.storage import BLOCK_TOKENS, KvStorage
from inference.model.batch import Segment
from inference.speculation.draft_blocks import BlockNames, ComputedBlocks
from inference.speculation.eagle_head import EagleHead
from inference.speculation.proposer import KeptRows, SequenceView


@runtime_checkable
class FeatureSource(Protocol):
    """A target model that can keep, from each pass, the residual stream that enters some of its layers."""

    @property
    def embedding(self) -> Tensor:
        """[vocab, hidden], which a head may share."""
        ...

    def keep_features(self, layers: Sequence[int]) -> None:
        """From the next pass on, keep what enters these layers, counted from 0."""
        ...

    def features(self) -> Tensor:
        """[T, layers * hidden] of all rows of the last batch, in its order, before any norm; layers side by side."""
        ...


@dataclass(slots=True, kw_only=True)
class _Follower:
    """The head knows positions [start, end) of this sequence; `hidden` [hidden] is what it thinks after the last."""

    names: BlockNames
    start: int
    end: int
    hidden: Tensor


class EagleProposer:
    """Drafts by argmax in a chain. Requests whose last features have not been observed get none.

    target      keeps the features of the layers that the head was trained on
    num_blocks  of the target's storage; the ids are shared
    """

    def __init__(self, head: EagleHead, target: FeatureSource, *, num_blocks: int) -> None:
        self._head = head
        self._target = target
        self._kv = KvStorage(head.kv_shape, num_blocks=num_blocks)
        self._blocks = ComputedBlocks()
        self._followers: dict[str, _Follower] = {}

    @torch.inference_mode()
    def observe(self, kept: Sequence[KeptRows]) -> None:
        """Go along with a step, with the features that the target has of it."""
        kept = [rows for rows in kept if rows.num_rows > 0]
        if not kept:
            return
        features = self._target.features()
        ids: list[int] = []
        segments: list[Segment] = []
        followers = [self._follower_at(rows) for rows in kept]
        for rows, follower in zip(kept, followers, strict=True):
            view, end = rows.view, rows.position + rows.num_rows
            assert len(view.tokens) > end
            self._blocks.about_to_write(view.block_ids, follower.names.names, rows.position, end)
            segments.append(
                Segment(row=len(ids), num_tokens=rows.num_rows, position=rows.position, block_ids=view.block_ids)
            )
            ids += view.tokens[rows.position + 1 : end + 1]
        picked = torch.cat([features[rows.row : rows.row + rows.num_rows] for rows in kept])
        starts = [follower.start for follower in followers]
        hidden = self._head.forward(ids, self._head.fuse(picked), segments, starts, self._kv)
        for rows, follower, segment in zip(kept, followers, segments, strict=True):
            follower.end = rows.position + rows.num_rows
            follower.hidden = hidden[segment.row + segment.num_tokens - 1]
            whole_from = max(rows.position, -(-follower.start // BLOCK_TOKENS) * BLOCK_TOKENS)
            self._blocks.have_written(segment.block_ids, follower.names.names, whole_from, follower.end)

    @torch.inference_mode()
    def propose_all(self, views: Sequence[SequenceView], nums: Sequence[int]) -> list[list[int]]:
        drafts: list[list[int]] = [[] for _ in views]
        nums = [min(num, self._room(view)) for view, num in zip(views, nums, strict=True)]
        active = [i for i, view in enumerate(views) if nums[i] > 0 and self._is_up_to_date(view)]
        hidden = [self._followers[views[i].request_id].hidden for i in active]
        while active:
            thoughts = torch.stack(hidden)
            for i, token_id in zip(active, self._head.best_ids(thoughts), strict=True):
                drafts[i].append(token_id)
            going_on = [n for n, i in enumerate(active) if len(drafts[i]) < nums[i]]
            active = [active[n] for n in going_on]
            if active:
                hidden = list(self._think_on(views, active, drafts, thoughts[going_on]))
        return drafts

    def learn(self, view: SequenceView) -> None:
        """There is nothing to learn: computed blocks outlive their request by themselves."""

    def forget(self, request_id: str) -> None:
        self._followers.pop(request_id, None)

    def _think_on(
        self, views: Sequence[SequenceView], active: Sequence[int], drafts: Sequence[Sequence[int]], thoughts: Tensor
    ) -> Tensor:
        """One row for each: its last draft with the thought that led to it."""
        segments, starts = [], []
        for row, i in enumerate(active):
            view, follower = views[i], self._followers[views[i].request_id]
            position = follower.end + len(drafts[i]) - 1
            self._blocks.about_to_write(view.block_ids, follower.names.names, position, position + 1)
            segments.append(Segment(row=row, num_tokens=1, position=position, block_ids=view.block_ids))
            starts.append(follower.start)
        return self._head.forward([drafts[i][-1] for i in active], thoughts, segments, starts, self._kv)

    def _is_up_to_date(self, view: SequenceView) -> bool:
        follower = self._followers.get(view.request_id)
        return follower is not None and follower.end == len(view.tokens) - 1

    def _room(self, view: SequenceView) -> int:
        """All drafts but the first take a position, from that of the last token on."""
        return min(len(view.block_ids) * BLOCK_TOKENS, self._head.max_context) - len(view.tokens) + 2

    def _follower_at(self, rows: KeptRows) -> _Follower:
        """The request's state, if it ends where the rows begin; else one that begins as far back as is known."""
        view = rows.view
        follower = self._followers.get(view.request_id)
        if follower is None:
            names = BlockNames(salt=view.cache_salt)
            follower = _Follower(names=names, start=0, end=-1, hidden=torch.empty(0))
            self._followers[view.request_id] = follower
        follower.names.extend(view.tokens)
        if follower.end != rows.position:
            follower.start = self._known_from(view, follower.names, rows.position)
        return follower

    def _known_from(self, view: SequenceView, names: BlockNames, position: int) -> int:
        """The first position from which on the head knows everything before `position`."""
        start = position
        while start % BLOCK_TOKENS == 0 and start > 0:
            number = start // BLOCK_TOKENS - 1
            if not self._blocks.holds(view.block_ids[number], names.names[number]):
                break
            start -= BLOCK_TOKENS
        return start
