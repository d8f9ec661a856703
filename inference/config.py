"""The engine's settings as one frozen value. Nothing below this folder reads the environment."""

from dataclasses import dataclass, field
from typing import Literal

Dtype = Literal["auto", "int4", "int8", "fp8", "bfloat16", "float32"]
KvDtype = Literal["auto", "bfloat16", "fp8"]

GIB = 1 << 30
STEP_TOKENS = {"cpu": (256, 64), "cuda": (2048, 512)}
"""`max_step_tokens` and `busy_step_tokens` by kind of device: a GPU takes hundreds of rows to be busy at all."""


def physical_cores() -> int:
    """Cores this process may run on. More compute threads than this make every step slower."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """How the engine runs its model.

    dtype             "float32" is the reference everything else is compared with; "bfloat16" halves the memory traffic;
                      "int4" keeps 4-bit GGUF tensors as they are; "auto" takes the fastest the checkpoint allows;
                      "int8" and "fp8" are for GPUs, where "int4" rounds what is not stored in 4 bits as well
    device            "cpu", or "cuda" with the number of one, as in "cuda:1"
    kv_dtype          number type of keys and values: "auto" is that of the computation, "fp8" half of it, on GPUs
    num_threads       compute threads for prompts
    decode_threads    compute threads for steps of a few tokens; 0 = chosen by the model's size (`precision.py`)
    max_context       tokens of prompt and reply together; 0 = what the checkpoint says, as far as `kv_bytes` reaches
    kv_bytes          upper bound for all keys and values, of running and of finished sequences
    kv_host_bytes     room in host memory for those of finished sequences that `kv_bytes` does not reach for, from where
                      they are brought back; meant for GPUs, taken at start; 0 = none
    max_running       sequences advanced together in one step
    max_waiting       requests held beyond those; one more is refused
    max_step_tokens   tokens computed in one step while nobody is waiting for their next token; 0 = chosen by the device
    busy_step_tokens  the same while somebody is: bounds the pause that a long prompt causes for others
    deadline_s        a request older than this is ended with an error
    kernels           "native" runs quantised models in one C++ call for each step, "torch" does without; "auto" takes
                      the native ones where they can be built and know the checkpoint's types
    drafts            where guesses at the next tokens come from: "lookup" in the prompt and in earlier replies of the
                      same tenant, "model" or "eagle" from `draft_model`, "off" from nowhere; replies never change
    draft_model       for "model" the checkpoint of a smaller model with the same tokenizer, for "eagle" the folder of
                      an EAGLE-3 head
    num_ranks         processes that share the model, each with a part of it and with `kv_bytes` and `num_threads` of
                      its own
    """

    dtype: Dtype = "auto"
    device: str = "cpu"
    kv_dtype: KvDtype = "auto"
    num_threads: int = field(default_factory=physical_cores)
    decode_threads: int = 0
    max_context: int = 0
    kv_bytes: int = GIB
    kv_host_bytes: int = 0
    max_running: int = 8
    max_waiting: int = 64
    max_step_tokens: int = 0
    busy_step_tokens: int = 0
    deadline_s: float = 600.0
    kernels: Literal["auto", "native", "torch"] = "auto"
    drafts: Literal["lookup", "model", "eagle", "off"] = "lookup"
    draft_model: str = ""
    num_ranks: int = 1

    def __post_init__(self) -> None:
        for name in ("num_threads", "kv_bytes", "max_running", "num_ranks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        counts = (self.decode_threads, self.max_context, self.max_waiting, self.kv_host_bytes)
        if min(*counts, self.max_step_tokens, self.busy_step_tokens) < 0 or self.deadline_s <= 0:
            raise ValueError("a count must not be negative, and deadline_s must be positive")
        if (self.drafts in ("model", "eagle")) != bool(self.draft_model):
            raise ValueError('drafts="model" or "eagle" needs a draft_model, and a draft_model needs one of them')
        if self.kv_host_bytes and self.num_ranks > 1:
            raise ValueError("kv_host_bytes needs the model in one piece: other ranks do not copy their parts")

    @property
    def step_tokens(self) -> tuple[int, int]:
        """`max_step_tokens` and `busy_step_tokens`, those of the device where they are 0."""
        most, busy = STEP_TOKENS["cuda" if self.device.startswith("cuda") else "cpu"]
        return self.max_step_tokens or most, self.busy_step_tokens or busy
