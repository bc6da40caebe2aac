"""The float64 reference against the recorded Keras cases."""

import numpy as np
import pytest

from lstm_ir.layers import LSTM, Bidirectional
from lstm_ir.reference import round_to, run_bidirectional, run_lstm

F64 = {"rtol": 1e-9, "atol": 1e-10}


class StatefulReference:
    """A layer that keeps its state between calls as a stateful Keras 2 layer does."""

    def __init__(self, case):
        config = case.layer["config"]
        cls = {"LSTM": LSTM, "Bidirectional": Bidirectional}[case.layer["class_name"]]
        flavour = {"compat.v1": "compat.v1", "tf.keras": "keras2"}[case.layer["api"]]
        self.layer = cls.from_config(config, flavour=flavour)
        self.layer.build(case.layer["build_shape"])
        self.layer.set_weights(case.weights)
        both = isinstance(self.layer, Bidirectional)
        copies = [self.layer.forward_layer, self.layer.backward_layer] if both else [self.layer]
        axis = 1 if copies[0].time_major else 0
        batch = case.layer["build_shape"][axis]
        self.zeros = [np.zeros((batch, copy.units)) for copy in copies for _ in "hc"]
        self.states = list(self.zeros)

    def call(self, inputs, mask=None, initial_state=None, training=None):
        layer = self.layer
        assert not training
        if layer.stateful:
            # Keras 2 takes initial_state only while both states of a copy are zero.
            for k in range(0, len(self.states), 2):
                if initial_state is not None and not any(np.any(s) for s in self.states[k : k + 2]):
                    self.states[k : k + 2] = [np.asarray(s, "f8") for s in initial_state[k : k + 2]]
            initial_state = self.states
        if isinstance(layer, Bidirectional):
            result = run_bidirectional(layer, inputs, mask, initial_state)
            outputs = list(result.outputs)
            states = [result.forward.h, result.forward.c, result.backward.h, result.backward.c]
        else:
            one = run_lstm(layer, inputs, mask, initial_state)
            outputs, states = [one.output], [one.h, one.c]
        if layer.stateful:
            self.states = [round_to(state, layer.compute_dtype) for state in states]
        return outputs + states if layer.return_state else outputs

    def run(self, calls):
        got = []
        for call in calls:
            arguments = {key: value for key, value in call.items() if key != "op"}
            if call["op"] == "call":
                got.append(self.call(**arguments))
            elif call["op"] == "get_states":
                got.append(list(self.states))
            else:
                assert call["op"] == "reset_states"
                self.states = list(self.zeros if call["states"] is None else call["states"])
                got.append([])
        return got


def test_reference_gives_what_keras_gave(case, conformance):
    if case.raises is not None:
        pytest.skip("expects an exception of the live layer")
    if "get_losses" in case.ops:
        pytest.skip("losses are the live layer's")
    reference = StatefulReference(case)
    exact = reference.layer.compute_dtype == "float64"
    conformance.check(reference.run(case.calls), case, F64 if exact else None)


def test_every_kind_of_case_is_there(conformance):
    cases = [conformance.load_case(path) for path in conformance.case_paths()]
    assert len(cases) == 139
    assert sum(case.raises is not None for case in cases) == 11
    assert sum("get_losses" in case.ops for case in cases) == 9
    assert sum(case.has_tag("quirk") for case in cases) == 6
