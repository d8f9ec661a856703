"""A model in this process for a command: its options, loading it, and its replies as plain iterators."""

import argparse
import os
import queue
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

from inference.cli.draft_options import add_draft_options, drafts_of
from inference.config import GIB, Dtype, EngineConfig, KvDtype, physical_cores

if TYPE_CHECKING:
    from inference.engine.request import Event, GenerationRequest
    from inference.engine.thread import EngineThread
    from inference.server.serving import ChatModel

SPIN_COUNT = 1000


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """The model and how to run it, alike for every command."""
    parser.add_argument("model", help="GGUF file, Hugging Face folder or hub id, or Meta folder")
    engine = parser.add_argument_group("engine")
    engine.add_argument("--dtype", choices=get_args(Dtype), default="auto")
    engine.add_argument("--kv-dtype", choices=get_args(KvDtype), default="auto", help="of keys and values, on GPUs")
    engine.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    engine.add_argument("--threads", type=int, default=physical_cores(), help="compute threads (%(default)s)")
    engine.add_argument("--decode-threads", type=int, default=0, help="threads for single tokens (default: by size)")
    engine.add_argument("--max-context", type=int, default=0, help="tokens of prompt and reply (default: the model's)")
    engine.add_argument("--kv-gib", type=float, default=1.0, help="memory for keys and values (%(default)s)")
    add_draft_options(engine)


def load(options: argparse.Namespace) -> "ChatModel":
    """Raises CheckpointError, or ValueError for options that make no sense."""
    # Threads that spin while they wait starve everything else on a small machine. Read when torch is loaded, now.
    os.environ.setdefault("GOMP_SPINCOUNT", str(SPIN_COUNT))
    from inference.server.serving import ServingConfig, load_chat_model

    engine = EngineConfig(
        dtype=options.dtype,
        kv_dtype=options.kv_dtype,
        device=options.device,
        num_threads=options.threads,
        decode_threads=options.decode_threads,
        max_context=options.max_context,
        kv_bytes=int(options.kv_gib * GIB),
        drafts=drafts_of(options),
        draft_model=options.draft_model,
    )
    return load_chat_model(ServingConfig(model=options.model, engine=engine))


def events_of(engine: "EngineThread", request: "GenerationRequest") -> Iterator["Event"]:
    """What becomes of a request, up to its End or Failure. Whoever stops listening ends it. Raises RequestRefused."""
    from inference.engine.request import End, Failure

    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    engine.submit(request, events.put)
    try:
        while True:
            event = events.get()
            yield event
            if isinstance(event, End | Failure):
                return
    finally:
        engine.cancel(request.request_id)


def close(model: "ChatModel") -> None:
    """Stop its threads."""
    model.engine.close()
    model.grammars.close()


def fail(prog: str, error: Exception) -> int:
    """Say in one line why a command ends, and give its exit status."""
    print(f"{prog}: {error}", file=sys.stderr)
    return 3
