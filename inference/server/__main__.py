"""Command line of the server: parse, check, serve until a signal comes."""

import argparse
import logging
import math
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import get_args

import uvicorn

from inference.cli.draft_options import add_draft_options, drafts_of
from inference.config import GIB, Dtype, EngineConfig, KvDtype, physical_cores
from inference.errors import InferenceError, RankLost
from inference.server.app import MAX_BODY_BYTES, build_app
from inference.server.logs import configure_logging
from inference.server.serving import Serving, ServingConfig

logger = logging.getLogger(__name__)

DRAIN_S = 1.0
SPIN_COUNT = 1000
EXIT_BAD_MODEL = 3
EXIT_RANK_LOST = 4
LAST_S = 5.0


class Server(uvicorn.Server):
    """uvicorn, which refuses new requests as soon as a signal comes and ends with status 0.

    Replies under way have `drain_s` seconds to end by themselves; then each is told that the server is going down.
    """

    def __init__(self, config: uvicorn.Config, serving: Serving, *, drain_s: float) -> None:
        super().__init__(config)
        self._serving = serving
        self._drain_s = drain_s

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Not uvicorn's own: that one raises the signal again afterwards, and a stop on request would look like a crash.
        if not self.should_exit:
            self._serving.is_draining = True
            last_call = threading.Timer(self._drain_s, self._serving.close)
            last_call.daemon = True
            last_call.start()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT.

    Returns the exit status: 0, 3 if a model could not be loaded, or 4 if a process that computed a part of it is gone.
    """
    options = parse_arguments(arguments)
    # Threads that spin while they wait starve everything else on a small machine. Read when torch is loaded, later.
    os.environ.setdefault("GOMP_SPINCOUNT", str(SPIN_COUNT))
    configure_logging(options.log_format)
    failures: list[Exception] = []

    def give_up(error: Exception) -> None:
        failures.append(error)
        if isinstance(error, RankLost):
            _end_anyway()
        server.should_exit = True  # a signal would be raised again by uvicorn, and the reason would never be said

    serving = Serving(serving_config(options), on_failure=give_up)
    app = build_app(serving, api_keys=api_keys(options), max_body_bytes=options.max_body_bytes)
    config = uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        uds=options.uds,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=math.ceil(options.drain_s) + 1,
        timeout_keep_alive=75,
        lifespan="on",
    )
    server = Server(config, serving, drain_s=options.drain_s)
    server.run()
    status = _report(failures)
    if options.tensor_parallel > 1:
        serving.close()  # a second signal leaves that out
        if not serving.has_left_ranks:
            logging.shutdown()
            os._exit(status)
    return status


def _end_anyway() -> None:
    """A step that waits for a rank that is gone may never end, nor a shutdown that waits for the step."""
    last = threading.Timer(LAST_S, os._exit, (EXIT_RANK_LOST,))
    last.daemon = True
    last.start()


def _report(failures: Sequence[Exception]) -> int:
    if any(isinstance(error, RankLost) for error in failures):
        return EXIT_RANK_LOST  # the log says which, and others failed because of it
    for error in failures:
        if isinstance(error, InferenceError | FileNotFoundError | ImportError):
            logger.error("model_not_loaded", extra={"reason": str(error)})
        else:
            logger.error("model_not_loaded", exc_info=error)
    return EXIT_BAD_MODEL if failures else 0


def api_keys(options: argparse.Namespace) -> list[str]:
    """The bearer tokens of the command line and of the file, where a list of processes does not show them."""
    lines = options.api_key_file.read_text().splitlines() if options.api_key_file else []
    return [key for key in (*options.api_key, *(line.strip() for line in lines)) if key]


def serving_config(options: argparse.Namespace) -> ServingConfig:
    """The typed form of the command line."""
    engine = EngineConfig(
        dtype=options.dtype,
        kv_dtype=options.kv_dtype,
        device=options.device,
        # The ranks share the cores of this machine.
        num_threads=max(options.threads // options.tensor_parallel, 1),
        decode_threads=options.decode_threads,
        max_context=options.max_context,
        kv_bytes=int(options.kv_gib * GIB),
        kv_host_bytes=int(options.kv_host_gib * GIB),
        max_running=options.max_running,
        max_waiting=options.max_waiting,
        deadline_s=options.deadline_s,
        kernels=options.kernels,
        drafts=drafts_of(options),
        draft_model=options.draft_model,
        num_ranks=options.tensor_parallel,
    )
    return ServingConfig(
        model=options.model,
        model_sha256=options.model_sha256,
        model_name=options.model_name,
        embedder=options.embedder,
        embedder_tokenizer=options.embedder_tokenizer,
        guard=options.guard,
        engine=engine,
    )


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Exits with status 2 and a sentence if an argument is wrong."""
    parser = argparse.ArgumentParser(prog="python -m inference.server", description=__doc__)
    models = parser.add_argument_group("models")
    models.add_argument("--model", default="", help="GGUF file, Hugging Face folder or hub id, or Meta folder")
    models.add_argument("--model-sha256", default="", help="expected sha256 of the GGUF file")
    models.add_argument("--model-name", default="", help="id to serve the model under (default: from its files)")
    models.add_argument("--embedder", default="", help="ONNX file or folder of the sentence encoder")
    models.add_argument("--embedder-tokenizer", default="", help="its tokenizer.json")
    models.add_argument("--guard", default="", help="file of the moderation classifier")
    engine = parser.add_argument_group("engine")
    engine.add_argument("--dtype", choices=get_args(Dtype), default="auto")
    engine.add_argument("--kv-dtype", choices=get_args(KvDtype), default="auto", help="of keys and values, on GPUs")
    engine.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    engine.add_argument("--threads", type=int, default=physical_cores())
    engine.add_argument("--decode-threads", type=int, default=0, help="threads for single tokens (default: by size)")
    engine.add_argument("--max-context", type=int, default=0, help="tokens of prompt and reply (default: the model's)")
    engine.add_argument("--kv-gib", type=float, default=1.0, help="memory for keys and values")
    engine.add_argument(
        "--kv-host-gib", type=float, default=0.0, help="host memory for those that do not fit in there (default: none)"
    )
    engine.add_argument("--max-running", type=int, default=8)
    engine.add_argument("--max-waiting", type=int, default=64)
    engine.add_argument("--deadline-s", type=float, default=600.0)
    engine.add_argument("--kernels", choices=["auto", "native", "torch"], default="auto")
    engine.add_argument(
        "--tensor-parallel", type=int, default=1, metavar="N", help="share the model among N processes, or N GPUs"
    )
    add_draft_options(engine)
    server = parser.add_argument_group("server")
    server.add_argument("--host", default="127.0.0.1")
    server.add_argument("--port", type=int, default=8090)
    server.add_argument("--uds", default=None, help="unix socket instead of host and port")
    server.add_argument("--api-key", action="append", default=[], help="ask for this bearer token; may be repeated")
    server.add_argument("--api-key-file", type=Path, default=None, help="file with one such token per line")
    server.add_argument("--drain-s", type=float, default=DRAIN_S, help="time for replies to end after SIGTERM")
    server.add_argument("--max-body-bytes", type=int, default=MAX_BODY_BYTES)
    server.add_argument("--log-format", choices=["console", "json"], default="console")
    options = parser.parse_args(arguments)
    if not options.model and not options.embedder:
        parser.error("there is nothing to serve: give --model, --embedder, or both")
    if options.api_key_file and not options.api_key_file.is_file():
        parser.error(f"there is no file {options.api_key_file}")
    if options.tensor_parallel < 1:
        parser.error("--tensor-parallel must be at least 1")
    if options.kv_host_gib < 0:
        parser.error("--kv-host-gib must not be negative")
    if options.kv_host_gib and options.tensor_parallel > 1:
        parser.error("--kv-host-gib needs the model in one process, without --tensor-parallel")
    if options.guard and not options.embedder:
        parser.error("--guard needs --embedder, whose tokenizer it reads with")
    if (drafts_of(options) in ("model", "eagle")) != bool(options.draft_model):
        parser.error("--drafts model and --drafts eagle need --draft-model, and the others do not take one")
    return options


if __name__ == "__main__":
    threading.current_thread().name = "server"
    sys.exit(main())
