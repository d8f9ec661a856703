"""What every contender can do, as JSON lines over pipes. Standard library only: it runs in the peers' environments too.

A request is {"op": NAME, ...}; the answer is what the function of that name returns, with the peak memory so far.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

Operation = Callable[..., Any]


def serve(operations: Mapping[str, Operation], *, started: float) -> None:
    """Say that the model is loaded, then answer until standard input ends."""
    _say({"ready_s": time.perf_counter() - started})
    for line in sys.stdin:
        request = json.loads(line)
        operation = operations[request.pop("op")]
        _say({"result": operation(**request), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024})


def _say(answer: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
