"""The trained network as an ONNX file with int8 weights. Needs onnx and onnxscript, which serving does not."""

import tempfile
from pathlib import Path

import torch

from inference.encoders.guard_training.network import GuardNetwork

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "logits"


def export(network: GuardNetwork, path: Path, float_path: Path | None = None) -> None:
    """Write `path` with int8 weights, and with `float_path` also the float32 graph it was made from."""
    # Here, so that a machine without onnx can read this module's neighbours.
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        plain = float_path or Path(folder) / "float.onnx"
        _export_float(network.eval(), plain)
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
        quantize_dynamic(
            prepared,
            path,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["MatMul", "Gather"],
            nodes_to_exclude=_heads(prepared),
        )
    _forget_its_making(path)


def _export_float(network: GuardNetwork, path: Path) -> None:
    example = tuple(torch.ones(2, 8, dtype=torch.long) for _ in INPUTS)
    example[2][:, 4:] = 1
    batch, tokens = torch.export.Dim("batch"), torch.export.Dim("tokens")
    torch.onnx.export(
        network,
        example,
        path,
        input_names=list(INPUTS),
        output_names=[OUTPUT],
        dynamic_shapes=tuple({0: batch, 1: tokens} for _ in INPUTS),
        opset_version=20,
        external_data=False,
        verbose=False,
    )


def _forget_its_making(path: Path) -> None:
    """The exporter notes at each node where in whose folders it was made."""
    import onnx

    model = onnx.load(path)
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.save(model, path)


def _heads(path: Path) -> list[str]:
    """The last layer stays in float: it is small, and it decides."""
    import onnx

    graph = onnx.load(path).graph
    last = [node.name for node in graph.node if OUTPUT in node.output]
    # The quantiser turns a Gemm into a MatMul of this name before it looks.
    return [*last, *(f"{name}_MatMul" for name in last)]
