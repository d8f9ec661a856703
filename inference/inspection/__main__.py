"""Say what is in a checkpoint, whether it fits into this machine, and what speed is possible here."""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from inference.config import physical_cores
from inference.errors import InferenceError

if TYPE_CHECKING:
    from inference.inspection.contents import Contents
    from inference.inspection.fit import Need
    from inference.inspection.machine import Machine

EXIT_FAILED = 3
GB, GIB = 1e9, 1 << 30


def build_parser(prog: str) -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog=prog, description=__doc__)
    parser.add_argument("model", help="GGUF file, Hugging Face folder or hub id, or Meta folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--threads", type=int, default=physical_cores(), help="threads that read (%(default)s)")
    parser.add_argument("--seconds", type=float, default=0.5, help="how long to measure the memory (%(default)s)")
    return parser


def main(arguments: Sequence[str] | None = None, *, prog: str = "python -m inference inspect") -> int:
    """Returns the exit status: 0, or 3 if there is no such checkpoint."""
    options = build_parser(prog).parse_args(arguments)
    from inference.inspection.contents import contents
    from inference.inspection.fit import BYTES_A_WEIGHT, known_needs, need_in, need_of
    from inference.inspection.machine import gpus, this_machine
    from inference.weights.open import open_checkpoint

    try:
        checkpoint = open_checkpoint(options.model)
    except InferenceError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return EXIT_FAILED
    found = contents(checkpoint)
    machines = [this_machine(num_threads=options.threads, seconds=options.seconds), *gpus(seconds=options.seconds)]
    needs = [need_of(checkpoint), *(need_in("in", checkpoint.shape, kind) for kind in BYTES_A_WEIGHT), *known_needs()]
    print(_as_json(found, machines, needs) if options.json else "\n".join(_as_text(found, machines, needs)))
    return 0


def _as_json(found: "Contents", machines: Sequence["Machine"], needs: Sequence["Need"]) -> str:
    outlooks = [
        {
            **asdict(need),
            "device": machine.device,
            "fits": need.fits(machine),
            "max_tokens_per_s": round(need.tokens_per_s(machine), 2),
        }
        for machine in machines
        for need in needs
    ]
    machine_facts = [asdict(machine) for machine in machines]
    return json.dumps({"contents": asdict(found), "machines": machine_facts, "outlooks": outlooks}, indent=2)


def _as_text(found: "Contents", machines: Sequence["Machine"], needs: Sequence["Need"]) -> Iterable[str]:
    yield from _contents_text(found)
    for machine in machines:
        threads = f", {machine.num_threads} threads" if machine.num_threads else ""
        yield ""
        yield (
            f"{machine.device}: {machine.free_bytes / GIB:.1f} GiB free, "
            f"read at {machine.read_bytes_per_s / GB:.1f} GB/s{threads}"
        )
        yield f"  {'':18}{'weights':>10}{'KV per 1k':>11}{'a token':>10}  {'fits':<5}{'tokens/s at most':>16}"
        for need in needs:
            yield (
                f"  {need.name:18}{_size(need.weight_bytes):>10}{_size(1000 * need.kv_bytes_per_token):>11}"
                f"{_size(need.token_bytes):>10}  {'yes' if need.fits(machine) else 'no':<5}"
                f"{need.tokens_per_s(machine):>16,.1f}"
            )
        room = needs[0].context_that_fits(machine)
        yield f"  beside the weights as stored there is room for {room:,} tokens of context"


def _contents_text(found: "Contents") -> Iterable[str]:
    tied = " (one matrix for embedding and head)" if found.has_tied_head else ""
    chat_format = "none: a pretrained model, for completions" if found.chat_format == "none" else found.chat_format
    rows = {
        "model": f"{found.name} ({found.path})",
        "licence": f"{found.licence}{' - ' + found.notice if found.notice else ''}",
        "parameters": f"{found.num_parameters:,}{tied}",
        "architecture": f"Llama: {found.num_layers} layers of {found.hidden_size}, MLP {found.mlp_size}, "
        f"{found.num_heads} heads of {found.head_dim}, {found.num_kv_heads} for keys and values",
        "context": f"{found.context_length:,} tokens; rope {found.rope}",
        "vocabulary": f"{found.vocab_size:,} tokens, {found.num_special} of them special",
        "chat format": chat_format,
        "stops": " ".join(found.stops),
        "weights": _size(found.num_bytes),
    }
    yield from (f"{name:14}{value}" for name, value in rows.items())
    for group in found.groups:
        types = ", ".join(f"{count} {kind}" for kind, count in group.types.items())
        yield f"  {group.name:12}{_size(group.num_bytes):>10}  {types}"


def _size(num_bytes: float) -> str:
    return f"{num_bytes / GB:,.2f} GB" if num_bytes >= 0.1 * GB else f"{num_bytes / 1e6:,.1f} MB"


if __name__ == "__main__":
    sys.exit(main())
