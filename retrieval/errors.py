"""What can go wrong in retrieval. An empty result is an answer, not an error.

RetrievalError
├── VectorMismatch     vectors of another model or of another size than the index holds
└── SnapshotRefused    a file that is not the index it should be: rebuild it from the vectors
"""

from typing import ClassVar, Literal

RefusalReason = Literal["absent", "foreign", "damaged", "other_model", "other_version"]


class RetrievalError(Exception):
    code: ClassVar[str] = "retrieval_error"


class VectorMismatch(RetrievalError):
    code = "vector_mismatch"


class SnapshotRefused(RetrievalError):
    """`reason` says what to log; whatever it is, the answer is to rebuild."""

    code = "snapshot_refused"

    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
