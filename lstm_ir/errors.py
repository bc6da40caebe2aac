"""The one tree of errors: the runtime's, and what the front end and the compiler add to it."""

from lstm_ir.runtime.errors import (
    ArgumentError,
    ArgumentTypeError,
    ArtifactError,
    ExecutionError,
    LstmIrError,
    TargetError,
)

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "ArtifactError",
    "CompileError",
    "ExecutionError",
    "InvalidArgumentError",
    "LstmIrError",
    "ModelFileError",
    "TargetError",
    "UnsupportedError",
]


class InvalidArgumentError(ArgumentError):
    """Arrays of one call disagree, or disagree with the layer they are given to (TensorFlow's name for it)."""


class ModelFileError(LstmIrError, ValueError):
    """A model file is missing, empty, truncated, of no kind that is read, contradicts itself, or would run code."""


class UnsupportedError(LstmIrError, NotImplementedError):
    """Something that cannot be compiled faithfully; the command exits with code 3."""


class CompileError(LstmIrError, RuntimeError):
    """A pass or IREE refused the program; the message names the op that caused it."""
