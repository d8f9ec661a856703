"""Answer one message with a model on several ranks, each started by torchrun."""

import argparse
import sys
from collections.abc import Sequence

from inference.config import GIB, EngineConfig
from inference.engine.engine import Engine
from inference.engine.request import GenerationRequest, Piece, SamplingParams
from inference.errors import InferenceError
from inference.parallel.llama import TensorParallelLlama
from inference.parallel.load import load_rank
from inference.parallel.ranks import join
from inference.text.chat import ChatMessage, build_prompt
from inference.weights.checkpoint import Checkpoint
from inference.weights.open import open_checkpoint
from inference.weights.progress import Silent, progress_on


def main(arguments: Sequence[str] | None = None) -> int:
    """Every rank runs this. Returns the exit status: 0, or 3 if the model could not be loaded."""
    options = _parse(arguments)
    ranks = join(device=options.device)
    config = EngineConfig(
        dtype=options.dtype,
        device=options.device,
        num_threads=options.threads,
        kv_bytes=int(options.kv_gib * GIB),
        num_ranks=ranks.num_ranks,
    )
    try:
        checkpoint = open_checkpoint(options.model, progress=progress_on() if ranks.is_first else Silent())
        model, _ = load_rank(checkpoint, config, ranks)
        if ranks.is_first:
            _answer(model, checkpoint, config, options)
            model.close()
        else:
            model.follow()
    except InferenceError as error:
        print(f"rank {ranks.rank}: {error}", file=sys.stderr)
        return 3
    ranks.leave()
    return 0


def _answer(
    model: TensorParallelLlama, checkpoint: Checkpoint, config: EngineConfig, options: argparse.Namespace
) -> None:
    engine = Engine(model, checkpoint.tokenizer, stop_ids=checkpoint.stop_ids, config=config)
    prompt = build_prompt(checkpoint.chat_format, [ChatMessage(role="user", content=options.prompt)])
    sampling = SamplingParams(temperature=options.temperature)
    engine.add_request(
        GenerationRequest(request_id="0", prompt_ids=prompt.ids, max_tokens=options.max_tokens, sampling=sampling)
    )
    while engine.has_work:
        for event in engine.step():
            if isinstance(event, Piece):
                print(event.text, end="", flush=True)
    print()


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="torchrun --nproc-per-node N -m inference.parallel", description=__doc__)
    parser.add_argument("model", help="GGUF file, Hugging Face folder or hub id, or Meta folder")
    parser.add_argument("--prompt", required=True)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--dtype", choices=["auto", "int4", "bfloat16", "float32"], default="auto")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="compute threads of each rank (%(default)s)")
    parser.add_argument("--kv-gib", type=float, default=1.0, help="memory for keys and values of each rank")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
