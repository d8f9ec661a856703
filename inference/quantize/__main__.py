"""Write a quantised copy of a checkpoint as a GGUF file, and print what it costs in quality."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from inference.config import physical_cores
from inference.errors import InferenceError

EXIT_FAILED = 3


def build_parser(prog: str = "python -m inference.quantize") -> argparse.ArgumentParser:
    """The command line, for its own program and for `python -m inference quantize`."""
    from inference.quantize.mixture import TYPES

    parser = argparse.ArgumentParser(prog=prog, description=__doc__)
    parser.add_argument("source", help="GGUF file, Hugging Face folder or hub id, or Meta folder")
    parser.add_argument("target", type=Path, help="GGUF file to write")
    parser.add_argument("--type", choices=sorted(TYPES), default="q4_1", help="for the layers' matrices (%(default)s)")
    parser.add_argument("--ends-type", choices=sorted(TYPES), default="", help="for embedding and head (default: q8_0)")
    parser.add_argument("--no-measure", action="store_true", help="do not compare the result with its source")
    parser.add_argument("--force", action="store_true", help="overwrite the target")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--threads", type=int, default=physical_cores())
    return parser


def main(arguments: Sequence[str] | None = None, *, prog: str = "python -m inference.quantize") -> int:
    """Returns the exit status: 0, or 3 if the source cannot be read or the target not be written."""
    parser = build_parser(prog)
    options = parser.parse_args(arguments)
    if options.target.exists() and not options.force:
        parser.error(f"{options.target} exists; --force overwrites it")
    if options.target.suffix != ".gguf":
        parser.error(f"the target is a GGUF file: name it {options.target.name}.gguf")
    try:
        print(_run(options))
    except (InferenceError, OSError) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return EXIT_FAILED
    return 0


def _run(options: argparse.Namespace) -> str:
    import torch

    from inference.quantize.mixture import mixture
    from inference.quantize.quality import measure
    from inference.quantize.write import write_gguf
    from inference.weights.open import open_checkpoint
    from inference.weights.progress import Silent, progress_on

    torch.set_num_threads(options.threads)
    source = open_checkpoint(options.source, progress=Silent())
    types = write_gguf(source, options.target, mixture(options.type, options.ends_type), progress_on())
    copy = open_checkpoint(str(options.target))
    quality = None if options.no_measure else asdict(measure(source, copy))
    sizes = {
        "source_bytes": sum(stored.num_bytes for stored in source.weights.stored().values()),
        "target_bytes": sum(stored.num_bytes for stored in copy.weights.stored().values()),
        "num_parameters": source.shape.num_parameters,
    }
    kinds = Counter(kind.name for kind in types.values())
    if options.json:
        return json.dumps({"target": str(options.target), **sizes, "tensors": kinds, "quality": quality}, indent=2)
    return _report(options.target, sizes, kinds, quality)


def _report(
    target: Path, sizes: Mapping[str, int], kinds: Mapping[str, int], quality: Mapping[str, float] | None
) -> str:
    bits = 8 * sizes["target_bytes"] / sizes["num_parameters"]
    lines = [
        f"{target}: {sizes['target_bytes'] / 1e6:,.1f} MB, {bits:.2f} bits a weight; "
        f"the source has {sizes['source_bytes'] / 1e6:,.1f} MB",
        "tensors: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items()),
    ]
    if quality:
        before, after = quality["source_perplexity"], quality["perplexity"]
        lines += [
            f"on {quality['num_tokens']:,} tokens of the bundled text, against the source:",
            f"  perplexity       {before:.3f} -> {after:.3f} ({after / before - 1:+.2%})",
            f"  logit error      mean {quality['mean_logit_error']:.4f}, largest {quality['max_logit_error']:.3f}",
            f"  KL divergence    {quality['kl_nats']:.5f} nats a token",
            f"  same best token  {quality['same_best_share']:.1%}",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
