"""The trained network as an ONNX file with int8 weights, and back. Needs onnx and onnxscript; serving does not."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inference.encoders.guard_training.network import NUM_LAYERS, GuardNetwork

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "logits"
MATRICES = ("query", "key", "value", "attended", "inner", "outer")
"""Of a layer, in the order in which the graph multiplies by them."""


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
    with_unsigned_weights(path)


def with_unsigned_weights(path: Path) -> None:
    """The same whole numbers, counted from 128: where a processor has no VNNI, sums of signed weights overflow, and
    scores would move with the machine."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    arrays = {array.name: array for array in model.graph.initializer}
    products = [node for node in model.graph.node if node.op_type == "MatMulInteger"]
    for name in {name for node in products for name in (node.input[1], node.input[3])}:
        signed = numpy_helper.to_array(arrays[name])
        if signed.dtype == np.int8:
            unsigned = (signed.astype(np.int16) + 128).astype(np.uint8)
            arrays[name].CopyFrom(numpy_helper.from_array(unsigned, name))
    onnx.save(model, path)


def read_back(path: Path, network: GuardNetwork) -> GuardNetwork:
    """`network` with the weights of the file that `export` wrote, as near as int8 is; its word vectors stay."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    arrays = {array.name: numpy_helper.to_array(array) for array in graph.initializer}
    weights = network.state_dict()
    weights |= {name: torch.from_numpy(arrays[name].copy()) for name in weights if name in arrays}
    weights["heads.weight"] = torch.from_numpy(arrays["heads.weight_Transposed"].T.copy())
    for name in ("embeddings.position_embeddings.weight", "embeddings.token_type_embeddings.weight"):
        weights[name] = torch.from_numpy(_in_floats(arrays, name))
    products = [node.input[1].removesuffix("_quantized") for node in graph.node if node.op_type == "MatMulInteger"]
    matrices = [f"layers.{layer}.{part}.weight" for layer in range(NUM_LAYERS) for part in MATRICES]
    for name, product in zip(matrices, products, strict=True):
        weights[name] = torch.from_numpy(_in_floats(arrays, product).T.copy())
    network.load_state_dict(weights)
    return network.eval()


def _in_floats(arrays: dict[str, Any], name: str) -> Any:
    quantized = arrays[f"{name}_quantized"].astype("float32")
    return (quantized - arrays[f"{name}_zero_point"].astype("float32")) * arrays[f"{name}_scale"]


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
