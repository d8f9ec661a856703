"""A scope is what is indexed together: the sample library, or all that one person owns.

An index in memory is good as long as its scope has not changed. That is read off the documents themselves, so no
writer can forget to say that it changed something, be it the admin, a restored backup or a guest's documents that
move to an account.
"""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from django.db.models import Count, Sum

from webapp.library.models import Document, Passage
from webapp.library.ports import Retrieval, SearchableIndex

MAX_CACHED_BYTES = 256 * 2**20
MAX_IDLE_S = 3600.0


@dataclass(frozen=True, slots=True)
class Scope:
    """The documents of one owner; None is the sample library."""

    owner_id: UUID | None


@dataclass(frozen=True, slots=True)
class ScopeVersion:
    """Changes whenever a document of the scope is indexed, deleted or moved: revisions are random, so sums differ."""

    num_documents: int
    revision_sum: int


@dataclass(frozen=True, slots=True)
class _Cached:
    version: ScopeVersion
    index: SearchableIndex
    num_bytes: int
    used_at: float


def scopes_of(person_id: UUID | None) -> list[Scope]:
    """What is searched for this person."""
    return [Scope(None)] if person_id is None else [Scope(None), Scope(person_id)]


class IndexCache:
    """The indexes of the scopes that were searched last, within a budget of bytes. Safe to use from several threads.

    One that was not used for `max_idle_s` goes with the next search: its owner may have left.
    """

    def __init__(self, max_bytes: int = MAX_CACHED_BYTES, *, max_idle_s: float = MAX_IDLE_S) -> None:
        self._max_bytes = max_bytes
        self._max_idle_s = max_idle_s
        self._lock = threading.Lock()
        self._cached: OrderedDict[tuple[Scope, str], _Cached] = OrderedDict()

    def index_of(self, scope: Scope, retrieval: Retrieval) -> SearchableIndex:
        """An index that holds every passage committed to the scope before this call."""
        key = (scope, retrieval.model_id)
        # The version is read before the rows: at worst an index is newer than it says, and is built once more.
        version = _version(scope)
        with self._lock:
            self._drop_idle()
            cached = self._cached.get(key)
            if cached and cached.version == version:
                self._cached[key] = replace(cached, used_at=time.monotonic())
                self._cached.move_to_end(key)
                return cached.index
        index = _build(scope, retrieval)
        with self._lock:
            num_bytes = len(index) * retrieval.dim * 4
            self._cached[key] = _Cached(version, index, num_bytes, used_at=time.monotonic())
            self._cached.move_to_end(key)
            while len(self._cached) > 1 and sum(each.num_bytes for each in self._cached.values()) > self._max_bytes:
                self._cached.popitem(last=False)
        return index

    def _drop_idle(self) -> None:
        since = time.monotonic() - self._max_idle_s
        while self._cached and next(iter(self._cached.values())).used_at < since:
            self._cached.popitem(last=False)


def _version(scope: Scope) -> ScopeVersion:
    documents = Document.objects.present().filter(owner=scope.owner_id)
    found = documents.aggregate(num=Count("pk"), total=Sum("revision"))
    return ScopeVersion(found["num"], found["total"] or 0)


def _build(scope: Scope, retrieval: Retrieval) -> SearchableIndex:
    rows = list(
        Passage.objects.quotable()
        .filter(document__owner=scope.owner_id, document__deleted_at=None, model_id=retrieval.model_id)
        .values_list("pk", "vector")
    )
    vectors = np.frombuffer(b"".join(bytes(vector) for _, vector in rows), dtype="<f4")
    return retrieval.build_index(
        model_id=retrieval.model_id,
        dim=retrieval.dim,
        ids=np.array([pk for pk, _ in rows], dtype=np.int64),
        vectors=vectors.reshape(len(rows), retrieval.dim),
    )
