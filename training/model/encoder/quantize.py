"""Quantize an encoder's matrix products to int8: weights per column, activations with fixed calibrated ranges.

ONNX Runtime's dynamic quantization measures ranges again for every batch, so that a message's vector depends
on the messages in its batch. Fixed ranges give the same message the same vector in any batch, on any CPU.
Weights have 7 bits, since a sum of two 8-bit products can overflow the 16-bit accumulators of CPUs without
VNNI.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Floats = NDArray[np.float32]
Feed = dict[str, NDArray[np.int64]]

# SmoothQuant's alpha: share of the difficulty moved from activations to weights. Of .5 to .9, .8 is most faithful.
SMOOTHING = 0.8
LEVELS = 255
# Candidate range ends, as shares of the observed minimum and maximum.
SHARES = np.linspace(0.1, 1, 13)
ROWS_TRIED = 400
LEAST = 1e-4


@dataclass(frozen=True, slots=True)
class _Input:
    """Input of one or more products with constant matrices: shape (words, width)."""

    name: str
    values: Floats
    products: list[onnx.NodeProto]


def quantize(model: Path, out: Path, feeds: Sequence[Feed]) -> None:
    """Write `model` (float32 ONNX) to `out` with its products by constant matrices in int8.

    Each input is first divided per channel, and its matrix multiplied by the same factor (SmoothQuant; Xiao
    et al., 2023): a few channels of a transformer are many times larger than the rest and would leave the
    rest two or three of the 256 levels. Then the range with the least squared error of the product is chosen.
    `feeds` are real messages, tokenized, one each: calibration data for the ranges.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.onnx_model import ONNXModel

    graph = onnx.load(model)
    _forget_origin(graph)
    matrices = {tensor.name: tensor for tensor in graph.graph.initializer}
    ranges: dict[str, list[dict[str, np.float32]]] = {}
    names: list[str] = []
    for tensor in _inputs(graph, matrices, feeds):
        columns = np.concatenate(
            [numpy_helper.to_array(matrices[n.input[1]]) for n in tensor.products], axis=1
        )
        scale = _smoothing(tensor.values, columns)
        smooth = _divide(graph, tensor, scale, matrices)
        low, high = _best_range(tensor.values / scale, np.linalg.norm(columns * scale[:, None], axis=1))
        ranges[smooth] = [{"rmin": np.float32(low), "rmax": np.float32(high)}]
        names += [node.name for node in tensor.products]
    smoothed = out.with_name(f"{out.stem}.smooth.onnx")
    tidied = ONNXModel(graph)
    tidied.clean_initializers()
    tidied.topological_sort()
    tidied.save_model_to_file(str(smoothed))

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is untyped
        """Provide one message, the minimum the tool requires; all ranges are given."""

        def __init__(self) -> None:
            self._left = iter(feeds[:1])

        def get_next(self) -> Feed | None:
            return next(self._left, None)

    try:
        quantize_static(
            smoothed,
            out,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul"],
            nodes_to_quantize=names,
            extra_options={
                "MatMulConstBOnly": True,
                "QuantizeBias": False,
                "OpTypesToExcludeOutputQuantization": ["MatMul"],
                "TensorQuantOverrides": ranges,
            },
        )
    finally:
        smoothed.unlink()


def _forget_origin(graph: onnx.ModelProto) -> None:
    """Remove the exporter's metadata: local source paths would change the encoder's digest."""
    parts = (graph.graph, *graph.graph.node, *graph.graph.initializer, *graph.graph.value_info)
    for part in (graph, *parts, *graph.graph.input, *graph.graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


def _inputs(graph: onnx.ModelProto, matrices: dict[str, Any], feeds: Sequence[Feed]) -> Iterator[_Input]:
    """Yield every tensor that is multiplied by constant matrices, with its values on the calibration messages."""
    import onnxruntime as ort

    products: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.graph.node:
        if node.op_type == "MatMul" and node.input[1] in matrices:
            products[node.input[0]].append(node)
    watched = onnx.ModelProto()
    watched.CopyFrom(graph)
    del watched.graph.output[:]
    watched.graph.output.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in products
    )
    session = ort.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    seen: dict[str, list[Floats]] = defaultdict(list)
    for feed in feeds:
        for name, value in zip(products, session.run(list(products), feed), strict=True):
            seen[name].append(value.reshape(-1, value.shape[-1]))
    for name, nodes in products.items():
        yield _Input(name, np.concatenate(seen.pop(name)), nodes)


def _smoothing(values: Floats, columns: Floats) -> Floats:
    """Return the divisor of each channel, shape (width,), with a geometric mean of one."""
    largest = np.maximum(np.abs(values).max(axis=0), LEAST)
    weight = np.maximum(np.abs(columns).max(axis=1), LEAST)
    scale = largest**SMOOTHING / weight ** (1 - SMOOTHING)
    return np.asarray(scale / np.exp(np.log(scale).mean()), dtype=np.float32)


def _divide(graph: onnx.ModelProto, tensor: _Input, scale: Floats, matrices: dict[str, Any]) -> str:
    """Divide an input by its scale and multiply its matrices by it; return the divided tensor's name."""
    smooth = f"{tensor.name}_smooth"
    add = graph.graph.initializer.append
    add(numpy_helper.from_array(1 / scale, f"{smooth}_by"))
    graph.graph.node.append(helper.make_node("Mul", [tensor.name, f"{smooth}_by"], [smooth], name=smooth))
    for node in tensor.products:
        matrix = numpy_helper.to_array(matrices[node.input[1]])
        # The name includes both: layers may share a matrix.
        node.input[0], node.input[1] = smooth, f"{smooth}_{node.input[1]}"
        add(numpy_helper.from_array(np.asarray(matrix * scale[:, None], dtype=np.float32), node.input[1]))
    return smooth


def _best_range(values: Floats, weight: Floats) -> tuple[float, float]:
    """Find the range with the least squared error of the product; return its ends.

    Shapes: `values` (words, width); `weight` (width,): of an error in each channel.
    """
    low, high = min(0.0, float(values.min())), max(LEAST, float(values.max()))
    tried = values[:: max(1, len(values) // ROWS_TRIED)]

    def error(ends: tuple[float, float], draft: Floats) -> float:
        step = (ends[1] - ends[0]) / LEVELS
        zero = np.round(-ends[0] / step)
        np.divide(tried, step, out=draft)
        np.round(draft, out=draft)
        np.add(draft, zero, out=draft)
        np.clip(draft, 0, LEVELS, out=draft)
        np.subtract(draft, zero, out=draft)
        np.multiply(draft, step, out=draft)
        np.subtract(draft, tried, out=draft)
        np.multiply(draft, weight, out=draft)
        return float(np.square(draft, out=draft).mean())

    def best_high(share: float) -> tuple[float, tuple[float, float]]:
        draft = np.empty_like(tried)  # one for each thread: fresh memory for each step takes twice as long
        ends = [(low * share, high * other) for other in SHARES]
        return min(((error(pair, draft), pair) for pair in ends), key=itemgetter(0))

    with ThreadPoolExecutor() as pool:
        return min(pool.map(best_high, SHARES), key=itemgetter(0))[1]
