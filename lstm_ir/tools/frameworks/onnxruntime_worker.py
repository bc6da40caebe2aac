"""ONNX Runtime on an ONNX file."""

from pathlib import Path
from typing import Any

from lstm_ir.tools.frameworks.exchange import Answer, Question
from lstm_ir.tools.frameworks.opened_model import OpenedModel

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}


class OnnxRuntimeModel(OpenedModel):
    """A model in a session of the CPU provider.

    Args:
        path: The file, whose external data `lstm_ir.importers` has checked.
        threads: How many to use; None leaves it to ONNX Runtime.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        import onnxruntime

        self.version = f"ONNX Runtime {onnxruntime.__version__}"
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if threads is not None:
            options.intra_op_num_threads = threads
        self.session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def feed(self, inputs: Any) -> dict[str, Any]:
        """Return inputs in the types that the session takes."""
        return {given.name: inputs[given.name].astype(_DTYPES[given.type]) for given in self.session.get_inputs()}

    def answer(self, question: Question) -> Answer:
        """Call the model; one of ONNX has neither masks nor states beside its inputs."""
        assert not question.masks
        assert not question.states
        return Answer(self.session.run(None, self.feed(question.inputs)))
