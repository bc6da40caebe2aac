"""OpenVINO on an ONNX LSTM graph."""

from typing import Any, ClassVar

import numpy as np

from lstm_ir.tools.bench.network import Array, InexpressibleError, Network
from lstm_ir.tools.bench.onnx_graph import onnx_model, onnx_step_model
from lstm_ir.tools.bench.peer import Peer, Program, Stepper

_FUNCTIONS = ("sigmoid", "tanh", "relu")


class OpenVinoPeer(Peer):
    """OpenVINO's CPU plugin, tuned for latency, held to float32, inputs and outputs not copied."""

    name: ClassVar[str] = "openvino"
    aliases: ClassVar[tuple[str, ...]] = ("ov",)
    packages: ClassVar[tuple[str, ...]] = ("openvino", "onnx")
    distribution: ClassVar[str] = "openvino"

    def prepare(self, network: Network, x: Array, mask: Array | None, threads: int | None) -> Program:
        """Build the network, see `Peer.prepare`."""
        network.refuse_masks(mask is not None)
        _refuse_activations(network)
        request = _request(onnx_model(network, x), threads)
        return Program(
            lambda: request.infer([x], share_inputs=True, share_outputs=True),
            lambda results: [np.array(value) for value in results.values()],
        )

    def prepare_step(self, network: Network, x: Array, threads: int | None) -> Stepper:
        """Build one LSTM, see `Peer.prepare_step`."""
        lstm = network.recurrences[0].directions[0]
        request = _request(onnx_step_model(lstm, x.shape[1]), threads)
        steps = [np.ascontiguousarray(x[t : t + 1]) for t in range(len(x))]
        zeros = np.zeros((1, x.shape[1], lstm.units), np.float32)
        position, h, c = 0, zeros, zeros

        def reset() -> None:
            nonlocal position, h, c
            position, h, c = 0, zeros, zeros

        def step() -> Any:
            nonlocal position, h, c
            # Outputs are copied: the next step's inputs must not lie where it writes.
            y, h, c = request.infer([steps[position], h, c], share_inputs=True).values()
            position += 1
            return y

        return Stepper(reset, step, lambda y: np.asarray(y[0]))


def _refuse_activations(network: Network) -> None:
    names = {
        activation.name
        for stage in network.recurrences
        for lstm in stage.directions
        for activation in (lstm.activation, lstm.recurrent_activation)
    }
    for name in sorted(names - set(_FUNCTIONS)):
        raise InexpressibleError(f"activation {name}: its LSTM has {', '.join(_FUNCTIONS)} only")


def _request(model: bytes, threads: int | None) -> Any:
    import openvino

    options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    if threads is not None:
        options["INFERENCE_NUM_THREADS"] = threads
    core = openvino.Core()
    return core.compile_model(core.read_model(model=model), "CPU", options).create_infer_request()
