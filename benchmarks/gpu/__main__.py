"""One command for a machine with a CUDA device: is it right, and what share of the device does it use.

    python -m benchmarks.gpu                          under 9 minutes
    python -m benchmarks.gpu --tiny --device cpu      the same script in seconds, to know that it runs

Needs torch, numpy and (for the kernels) triton; where the engine can be imported, it also measures decoding as it is
served. Weights are random and made on the device. Prints tables and writes benchmarks/out/gpu-<device>.json.
"""

import argparse
import gc
import importlib.util
import json
import platform
import re
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from benchmarks.gpu import measure
from benchmarks.gpu.checks import Check, run_checks
from benchmarks.gpu.models import SHAPES, Kind, random_llama, resident_bytes
from inference.gpu.llama import CudaLlama

if TYPE_CHECKING:
    from benchmarks.gpu.engine_path import EngineTime

OUT = Path(__file__).resolve().parents[1] / "out"
ENGINE_NEEDS = ("llguidance", "tiktoken")
BUDGET_S = 420
"""No further model is begun after this, if not told otherwise; it leaves two minutes for the one under way."""
MODELS: Sequence[tuple[str, Kind]] = (("8B", "bf16"), ("8B", "fp8"), ("8B", "int4"), ("70B", "int4"), ("70B", "fp8"))
BATCH_SIZES = (1, 8, 32)
ENGINE_BATCH_SIZES = (1, 32)
NUM_DRAFTS = (3, 7)
ACCEPTANCE = (0.6, 0.75, 0.9)
SPARE_BYTES = 4 << 30
GPT_FAST = {"bf16": 0.83, "int4": 0.65}
"""What gpt-fast's page reports for an A100, as a share of the bandwidth it calls reachable (8B bf16, 70B int4)."""


@dataclass(slots=True, kw_only=True)
class Report:
    """Everything that is written down."""

    device: str
    torch: str
    python: str
    is_tiny: bool
    limits: measure.Limits | None = None
    checks: list[Check] = field(default_factory=list)
    decode: list[measure.DecodeTime] = field(default_factory=list)
    profile: list[measure.KernelTime] = field(default_factory=list)
    engine: list["EngineTime"] = field(default_factory=list)
    prefill: list[measure.PrefillTime] = field(default_factory=list)
    verify_s: dict[str, float] = field(default_factory=dict)
    speculation: list[dict[str, float | str]] = field(default_factory=list)
    transformers: dict[str, float | str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    seconds: float = 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="a tiny model, a few steps")
    parser.add_argument("--seconds", type=float, default=BUDGET_S, help="no further model is begun after this")
    parser.add_argument("--models", default="", help="only these, such as '8B int4,70B fp8'; transformers is 8B's")
    parser.add_argument("--out", type=Path, help="where the JSON goes")
    options = parser.parse_args(arguments)
    try:
        models = models_named(options.models, [("tiny", kind) for _, kind in MODELS[:3]] if options.tiny else MODELS)
    except ValueError as error:
        parser.error(str(error))
    is_cuda = torch.device(options.device).type == "cuda"
    if is_cuda and not torch.cuda.is_available():
        print("There is no CUDA device here, so there is nothing to measure: run this where there is one.")
        return 2
    started = time.monotonic()
    report = Report(
        device=torch.cuda.get_device_name(options.device) if is_cuda else platform.processor() or "cpu",
        torch=torch.__version__,
        python=platform.python_version(),
        is_tiny=options.tiny,
    )
    _measure_all(report, options.device, models, is_tiny=options.tiny, ends=started + options.seconds)
    report.seconds = time.monotonic() - started
    path = options.out or OUT / f"gpu-{re.sub('[^A-Za-z0-9]+', '-', report.device).strip('-').lower()}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(report), indent=1) + "\n")
    _print(report)
    print(f"\n{path}   {report.seconds:.0f} s")
    return 0 if all(check.is_right for check in report.checks) else 1


def models_named(names: str, models: Sequence[tuple[str, Kind]] = MODELS) -> Sequence[tuple[str, Kind]]:
    """Those that are named, such as "8B int4,70B fp8"; all if nothing is. ValueError for one there is not."""
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    if unknown := wanted - {f"{name} {kind}" for name, kind in models}:
        raise ValueError(f"no such model: {', '.join(sorted(unknown))}")
    return [(name, kind) for name, kind in models if not wanted or f"{name} {kind}" in wanted]


def _measure_all(
    report: Report, device: str, models: Sequence[tuple[str, Kind]], *, is_tiny: bool, ends: float
) -> None:
    scale = measure.TINY if is_tiny else measure.FULL
    report.checks = run_checks(device)
    report.limits = measure.limits(device, scale)
    for name, kind in models:
        label = f"{name} {kind}"
        if time.monotonic() > ends:
            report.left_out.append(f"{label}: out of time")
        elif not _has_room(device, name, kind):
            report.left_out.append(f"{label}: {resident_bytes(name, kind) / 1e9:.0f} GB do not fit")
        else:
            _try(report, label, partial(_measure_model, report, name, kind, device, scale))
    _speculate(report)
    if lacking := _engine_lacks():
        report.left_out.append(f"engine: {', '.join(lacking)} not installed")
    if importlib.util.find_spec("transformers") is None:
        report.left_out.append("transformers: not installed")
    elif time.monotonic() < ends:
        _try(report, "transformers", lambda: _measure_transformers(report, "tiny" if is_tiny else "8B", device, scale))


def _measure_model(report: Report, name: str, kind: Kind, device: str, scale: measure.Scale) -> None:
    assert report.limits is not None
    limits = report.limits
    model = random_llama(name, kind, device=device, max_context=max(2048, scale.prompt_tokens), kv_dtype=None)
    for size in BATCH_SIZES:

        def decode(size: int = size) -> None:
            report.decode.append(measure.decode_time(model, name, kind, size, scale, limits))
            if torch.device(device).type == "cuda":
                report.profile += measure.decode_profile(model, name, kind, size, scale)

        _try(report, f"{name} {kind} batch {size}", decode)
    if not _engine_lacks():
        _try(report, f"{name} {kind} engine", partial(_measure_engine, report, model, name, kind, scale))
    for num_drafts in (0, *NUM_DRAFTS):
        label = f"{name} {kind} verify {num_drafts}"
        report.verify_s[label] = measure.verify_time(model, num_drafts, scale)
    report.prefill.append(measure.prefill_time(model, name, kind, scale, limits))


def _measure_engine(report: Report, model: CudaLlama, name: str, kind: Kind, scale: measure.Scale) -> None:
    from benchmarks.gpu.engine_path import engine_times

    report.engine += engine_times(model, name, kind, ENGINE_BATCH_SIZES, scale)


def _engine_lacks() -> list[str]:
    return [package for package in ENGINE_NEEDS if importlib.util.find_spec(package) is None]


def _speculate(report: Report) -> None:
    """Speed-up from measured step times and an assumed acceptance of each draft: no weights, so no real one."""
    steps = {f"{time.model} {time.kind}": time.step_s for time in report.decode if time.batch_size == 1}
    for target, plain_s in steps.items():
        drafters = {"look-up": 0.0}
        if target.startswith("70B") and "8B int4" in steps:
            drafters["8B int4"] = steps["8B int4"]
        for drafter, draft_s in drafters.items():
            for num_drafts in NUM_DRAFTS:
                verify_s = report.verify_s.get(f"{target} verify {num_drafts}", 0.0)
                for acceptance in ACCEPTANCE if verify_s else ():
                    tokens = measure.expected_tokens(acceptance, num_drafts)
                    speed_up = tokens * plain_s / (verify_s + num_drafts * draft_s)
                    report.speculation.append(
                        {
                            "target": target,
                            "drafter": drafter,
                            "num_drafts": num_drafts,
                            "assumed_acceptance": acceptance,
                            "speed_up": speed_up,
                        }
                    )


def _measure_transformers(report: Report, name: str, device: str, scale: measure.Scale) -> None:
    """The same shape in bfloat16 by its own greedy `generate`, batch 1."""
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = SHAPES[name]
    config = LlamaConfig(
        vocab_size=shape.vocab_size,
        hidden_size=shape.hidden_size,
        intermediate_size=shape.mlp_size,
        num_hidden_layers=shape.num_layers,
        num_attention_heads=shape.num_heads,
        num_key_value_heads=shape.num_kv_heads,
        head_dim=shape.head_dim,
        max_position_embeddings=shape.context_length,
    )
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            model = LlamaForCausalLM(config).eval()
    finally:
        torch.set_default_dtype(before)
    prompt = torch.ones((1, scale.context), dtype=torch.long, device=device)

    def generate(count: int) -> Callable[[], object]:
        return lambda: model.generate(  # type: ignore[operator,misc,unused-ignore]  # as transformers annotates itself
            prompt,
            attention_mask=torch.ones_like(prompt),
            do_sample=False,
            min_new_tokens=count,
            max_new_tokens=count,
            pad_token_id=0,
        )

    with torch.inference_mode():
        long = measure.seconds(generate(scale.num_steps + 1), device, 2)
        short = measure.seconds(generate(1), device, 2)
        logits = measure.seconds(
            lambda: model(torch.ones((1, scale.prompt_tokens), dtype=torch.long, device=device)), device, 2
        )
    report.transformers = {
        "model": f"{name} bf16",
        "decode_tokens_s": scale.num_steps / max(long - short, 1e-9),
        "prefill_tokens_s": scale.prompt_tokens / logits,
    }


def _has_room(device: str, name: str, kind: Kind) -> bool:
    if torch.device(device).type != "cuda":
        return True
    gc.collect()
    torch.cuda.empty_cache()
    return torch.cuda.mem_get_info(device)[0] > resident_bytes(name, kind) + SPARE_BYTES


def _try(report: Report, label: str, call: Callable[[], object]) -> None:
    """Go on with the rest when one part fails, and say that it did."""
    try:
        call()
    except Exception:
        report.left_out.append(f"{label}: {traceback.format_exc(limit=-3)}")
    gc.collect()


def _print(report: Report) -> None:
    print(f"{report.device}, torch {report.torch}, python {report.python}\n")
    for check in report.checks:
        print(f"{'right' if check.is_right else 'WRONG'}  {check.difference:8.2g}  {check.name}  {check.error}")
    if report.limits:
        limits = report.limits
        print(f"\ncopy {limits.copy_bytes_s / 1e9:.0f} GB/s   bfloat16 {limits.matrix_flop_s / 1e12:.1f} TFLOP/s")
    print("\ndecode         batch  context    ms/step     tok/s   share of copy   gpt-fast (A100)")
    for row in report.decode:
        theirs = f"{GPT_FAST[row.kind]:.0%}" if row.kind in GPT_FAST and row.batch_size == 1 else ""
        print(
            f"{row.model + ' ' + row.kind:14} {row.batch_size:5} {row.context:8} {row.step_s * 1e3:10.2f} "
            f"{row.tokens_s:9.0f} {row.share:15.0%}   {theirs}"
        )
    if report.profile:
        print("\nkernels of a step         batch  launches    us/step   kernel")
    for part in report.profile:
        print(
            f"{part.model + ' ' + part.kind:24} {part.batch_size:6} {part.launches:9.0f} {part.step_s * 1e6:10.0f}   "
            f"{part.kernel}"
        )
    if report.engine:
        print("\nengine decode  batch   sampling    ms/step     tok/s")
    for served in report.engine:
        print(
            f"{served.model + ' ' + served.kind:14} {served.batch_size:5} {served.sampling:>10} "
            f"{served.step_s * 1e3:10.2f} {served.tokens_s:9.0f}"
        )
    print("\nprefill       tokens         ms      tok/s   share of matrix rate")
    for prompt in report.prefill:
        print(
            f"{prompt.model + ' ' + prompt.kind:14}{prompt.num_tokens:6} {prompt.seconds * 1e3:10.1f} "
            f"{prompt.tokens_s:10.0f} {prompt.share:15.0%}"
        )
    print("\nspeculation: from measured steps and an ASSUMED acceptance of each draft")
    for line in report.speculation:
        print(
            "   ".join(f"{key} {value:.2f}" if isinstance(value, float) else f"{value}" for key, value in line.items())
        )
    if report.transformers:
        print(f"\ntransformers: {report.transformers}")
    for reason in report.left_out:
        print(f"\nleft out: {reason}")


if __name__ == "__main__":
    raise SystemExit(main())
