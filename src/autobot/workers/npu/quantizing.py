"""A model whose weights are whole numbers of 8 bits, for processors that multiply several of these at a time.

Each row of a matrix has a scale and a zero point of its own (Jacob et al., 2018, section 2.1). What it is multiplied with
is rounded as it comes, by groups of `GROUP` numbers: nothing has to be learned of example texts beforehand.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

GROUP: Final = 128
"""Numbers that share a scale. Of 300 questions, four at a time, 32 cost 28 % more time than 128, 384 cost 2 % less; the
mean cosine to the reference is 0.9995, 0.9990 and 0.9977."""
STEPS: Final = 255
HINT: Final = "DYNAMIC_QUANTIZATION_GROUP_SIZE"
"""OpenVINO's name for it; a device that does not list it cannot compute so."""


def in_eight_bits(model: Any) -> int:
    """Round each matrix that a model multiplies with, in place, and return how many there are."""
    rounded = 0
    for one in model.get_ordered_ops():
        if one.get_type_name() == "MatMul" and one.get_transpose_b():
            weights = one.input_value(1).get_node()
            if weights.get_type_name() == "Constant" and len(weights.get_output_shape(0)) == 2:
                one.input(1).replace_source_output(_rounded(weights.get_data()).output(0))
                rounded += 1
    return rounded


def _rounded(weights: NDArray[np.float32]) -> Any:
    """Return the part of a graph that gives a matrix [row, number] from its rounded numbers.

    OpenVINO knows this form and computes the product of the rounded numbers themselves.
    """
    from openvino import opset15 as op

    # Zero is among the numbers of each row, so that the zero point is one of the steps.
    least = np.minimum(weights.min(axis=1, keepdims=True), 0.0)
    most = np.maximum(weights.max(axis=1, keepdims=True), 0.0)
    scale = np.maximum((most - least) / STEPS, np.finfo(np.float32).tiny).astype(np.float32)
    zero = np.rint(-least / scale)
    whole = np.clip(np.rint(weights / scale + zero), 0, STEPS).astype(np.uint8)
    apart = op.subtract(
        op.convert(op.constant(whole), "f32"), op.convert(op.constant(zero.astype(np.uint8)), "f32")
    )
    return op.multiply(apart, op.constant(scale))
