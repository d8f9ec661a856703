"""Everything the engine, its server and its client can refuse or fail at.

    InferenceError
    ├── CheckpointError          a model file is wrong: raised at start, the server does not come up
    ├── RankLost                 a process that computes a part of the model is gone: the server ends
    ├── RequestRefused           this request is not run; carries the HTTP status and OpenAI's `code` and `param`
    │   ├── InvalidRequest       400, the request itself is wrong
    │   ├── QueueFull            429, too many requests are waiting: try again after `retry_after_s`
    │   └── NotServing           503, models are loading or the server is going down
    ├── InferenceUnavailable     client side: no answer, a broken one or a 5xx; try again later
    └── InferenceRejected        client side: the server answered 4xx; trying again will not help

This module imports nothing, so the client stays light.
"""

from pathlib import Path


class InferenceError(Exception):
    """The root of this tree. `code` is stable and meant for programs; the message is meant for people."""

    code = "inference_error"


class CheckpointError(InferenceError):
    """A model file is missing, truncated, mismatched or of a kind we cannot run."""

    code = "bad_checkpoint"

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason


class RankLost(InferenceError):
    """A process that computes a part of the model ended by itself; without it nothing can be computed."""

    code = "rank_lost"


class RequestRefused(InferenceError):
    """The request is not run. `status` is the HTTP status, `kind` is OpenAI's error `type`."""

    status = 400
    kind = "invalid_request_error"
    code = "invalid_request"

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.param = param


class InvalidRequest(RequestRefused):
    """The request is malformed, asks for something we do not offer, or can never fit into the context."""


class QueueFull(RequestRefused):
    """As many requests as we are willing to hold are running or waiting."""

    status = 429
    kind = "rate_limit_error"
    code = "queue_full"

    def __init__(self, *, num_waiting: int, retry_after_s: int) -> None:
        super().__init__(f"{num_waiting} requests are waiting already. Try again in {retry_after_s} s.")
        self.retry_after_s = retry_after_s


class NotServing(RequestRefused):
    """The models are still loading, or the server is going down."""

    status = 503
    kind = "server_error"
    code = "not_serving"


class InferenceUnavailable(InferenceError):
    """The server could not be reached, broke off, or failed inside. The same request may succeed later."""

    code = "unavailable"


class InferenceRejected(InferenceError):
    """The server refused the request as such (HTTP 4xx, except a full queue, which is InferenceUnavailable)."""

    def __init__(self, message: str, *, status: int, code: str) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
