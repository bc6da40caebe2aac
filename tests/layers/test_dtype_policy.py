import numpy as np
import pytest

from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.layers.dtype_policy import DTypePolicy, resolve_dtype_policy, serialize_dtype_policy


@pytest.mark.parametrize(
    ("identifier", "name", "compute", "variable"),
    [
        (None, "float32", "float32", "float32"),
        ("float64", "float64", "float64", "float64"),
        (np.float16, "float16", "float16", "float16"),
        (np.dtype("float64"), "float64", "float64", "float64"),
        ("mixed_float16", "mixed_float16", "float16", "float32"),
        ("mixed_bfloat16", "mixed_bfloat16", "bfloat16", "float32"),
    ],
)
def test_policies(identifier, name, compute, variable):
    policy = resolve_dtype_policy(identifier)
    assert policy == DTypePolicy(name, compute, variable)
    for flavour in ("compat.v1", "keras3"):
        assert resolve_dtype_policy(serialize_dtype_policy(policy, flavour)) == policy


@pytest.mark.parametrize(
    ("identifier", "error"),
    [
        ("int32", ArgumentError),
        ("bool", ArgumentError),
        ("nope", ArgumentTypeError),
        (3, ArgumentTypeError),
        ("bfloat16", UnsupportedError),
        ({"class_name": "QuantizedDTypePolicy", "config": {}}, UnsupportedError),
        ({"config": {}}, ArgumentError),
    ],
)
def test_refused(identifier, error):
    with pytest.raises(error):
        resolve_dtype_policy(identifier)
