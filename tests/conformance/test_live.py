"""Every recorded case through the public layers, compiled by IREE."""

import json

import numpy as np
import pytest

import lstm_ir


def _layer(description):
    flavour = "compat.v1" if description["api"] == "compat.v1" else "keras2"
    if description["wrapper"] is not None:
        return lstm_ir.Bidirectional.from_config(description["config"], flavour=flavour)
    return lstm_ir.LSTM.from_config(description["config"], flavour=flavour)


def _as_list(value):
    return list(value) if isinstance(value, list | tuple) else [value]


def _run(case):
    layer = _layer(case.layer)
    layer.build(tuple(case.layer["build_shape"]))
    layer.set_weights(case.weights)
    results = []
    for call in case.calls:
        match call["op"]:
            case "call":
                options = {"training": call["training"]} if "training" in call else {}
                output = layer(call["inputs"], mask=call["mask"], initial_state=call["initial_state"], **options)
                results.append(_as_list(output))
            case "reset_states":
                layer.reset_states(call["states"])
                results.append([])
            case "get_states":
                results.append([np.asarray(state) for state in layer.states])
            case "get_losses":
                results.append([np.asarray(loss) for loss in layer.losses])
    _check_code(layer, case)
    return results


def _check_code(layer, case):
    """Whatever the dtype, steps are ours; only softmax, which needs a whole row, is left to IREE's code."""
    text = json.dumps(case.layer["config"])
    expected = "tensor" if "softmax" in text else "kernel"
    codes = {scan["code"] for module in layer._modules.values() for scan in module.description["scans"]}
    assert codes <= {expected}


def test_case(case, conformance):
    if case.raises is not None:
        with pytest.raises(Exception) as error:  # noqa: PT011  # check_raises looks at the class
            _run(case)
        conformance.check_raises(error.value, case)
        return
    conformance.check(_run(case), case)
