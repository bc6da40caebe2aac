"""Asks a framework in a process of its own: its memory, its logs and its choice of devices stay there."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import lstm_ir
from lstm_ir.tools.frameworks.exchange import Request, Response, read_response, write_request

# Frameworks see no GPU: what they compute is compared, and a GPU's products may be rounded to fewer bits.
_ENVIRONMENT = {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}


def ask(request: Request) -> Response:
    """Ask a framework, and wait for what it says; it is ended with this process's wait."""
    with TemporaryDirectory(prefix="lstm-ir-") as name:
        folder = Path(name)
        write_request(folder, request)
        # -P: a folder that happens to hold a tensorflow.py is not where one is imported from.
        command = [sys.executable, "-P", "-m", "lstm_ir.tools.frameworks.worker", name]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=_environment()
        )
        try:
            _, said = process.communicate()
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        try:
            return read_response(folder)
        except FileNotFoundError:
            lines = said.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
            return Response("", reason=f"its process ended with {process.returncode}: {lines[-1][:200]}")


def _environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(Path(lstm_ir.__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    return {**os.environ, **_ENVIRONMENT, "PYTHONPATH": path}
