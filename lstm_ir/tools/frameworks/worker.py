"""The process that asks a framework: ``python -m lstm_ir.tools.frameworks.worker FOLDER``.

It reads a request from the folder and writes the response there; see `exchange`.
"""

import sys
from pathlib import Path

from lstm_ir.tools.frameworks.exchange import Answer, Question, Request, Response, read_request, write_response
from lstm_ir.tools.frameworks.opened_model import CannotAskError, OpenedModel


def main(folder: str) -> None:
    """Answer the request in a folder."""
    write_response(Path(folder), respond(read_request(Path(folder))))


def respond(request: Request) -> Response:
    """Return what a framework says to a request; whatever it raises is a reason why it says nothing."""
    try:
        model = open_model(request)
    except Exception as error:  # another project's loader: all that it raises is a result, shown with its name
        return Response("", reason=f"it cannot load the model: {_brief(error)}")
    return Response(model.version, [_answer(model, question) for question in request.questions])


def open_model(request: Request) -> OpenedModel:
    """Open a request's model in its framework, which is imported here."""
    match request.worker:
        case "keras2" | "keras3":
            from lstm_ir.tools.frameworks.keras_worker import KerasModel

            return KerasModel(request.worker, request.model, request.settings)
        case "onnxruntime":
            from lstm_ir.tools.frameworks.onnxruntime_worker import OnnxRuntimeModel

            return OnnxRuntimeModel(request.model)
        case "torch":
            from lstm_ir.tools.frameworks.torch_worker import TorchModel

            return TorchModel(request.model, request.settings)
    raise AssertionError(request.worker)


def _answer(model: OpenedModel, question: Question) -> Answer:
    try:
        return model.answer(question)
    except CannotAskError as error:
        return Answer(None, reason=str(error))
    except Exception as error:  # as above
        return Answer(None, reason=f"it failed: {_brief(error)}")


def _brief(error: Exception) -> str:
    if isinstance(error, CannotAskError):
        return str(error)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}"


if __name__ == "__main__":
    main(sys.argv[1])
