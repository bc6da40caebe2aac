"""ONNX Runtime on an ONNX LSTM graph."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from lstm_ir.tools.bench.network import Array, Network
from lstm_ir.tools.bench.onnx_graph import onnx_model, onnx_step_model
from lstm_ir.tools.bench.peer import Peer, Program, Stepper


class OnnxRuntimePeer(Peer):
    """ONNX Runtime's CPU provider, NumPy in and out."""

    name: ClassVar[str] = "onnxruntime"
    aliases: ClassVar[tuple[str, ...]] = ("ort",)
    packages: ClassVar[tuple[str, ...]] = ("onnxruntime", "onnx")
    distribution: ClassVar[str] = "onnxruntime"

    def prepare(self, network: Network, x: Array, mask: Array | None, threads: int | None) -> Program:
        """Build the network, see `Peer.prepare`."""
        network.refuse_masks(mask is not None)
        session = _session(onnx_model(network, x), threads)
        feed = {"x": x}
        return Program(lambda: session.run(None, feed), list)

    def prepare_file(self, path: Path, source: str, inputs: Mapping[str, Array], threads: int | None) -> Program:
        """Open an ONNX file, see `Peer.prepare_file`."""
        if source != "onnx":
            return super().prepare_file(path, source, inputs, threads)
        from lstm_ir.tools.frameworks.onnxruntime_worker import OnnxRuntimeModel

        model = OnnxRuntimeModel(path, threads)
        feed = model.feed(inputs)
        return Program(lambda: model.session.run(None, feed), list)

    def prepare_step(self, network: Network, x: Array, threads: int | None) -> Stepper:
        """Build one LSTM, see `Peer.prepare_step`."""
        import numpy as np

        lstm = network.recurrences[0].directions[0]
        session = _session(onnx_step_model(lstm, x.shape[1]), threads)
        steps = [np.ascontiguousarray(x[t : t + 1]) for t in range(len(x))]
        zeros = np.zeros((1, x.shape[1], lstm.units), np.float32)
        position, h, c = 0, zeros, zeros

        def reset() -> None:
            nonlocal position, h, c
            position, h, c = 0, zeros, zeros

        def step() -> Any:
            nonlocal position, h, c
            y, h, c = session.run(None, {"x": steps[position], "h": h, "c": c})
            position += 1
            return y

        return Stepper(reset, step, lambda y: np.asarray(y[0]))


def _session(model: bytes, threads: int | None) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
