"""Errors of the runtime, and the base of every error that lstm-ir raises on purpose.

Each message names who complains, what was given and what is accepted. The front end extends this tree in
``lstm_ir.errors``.
"""


class LstmIrError(Exception):
    """Base of every error that lstm-ir raises on purpose."""


class ArgumentError(LstmIrError, ValueError):
    """An argument has a wrong value, shape, rank or count."""


class ArgumentTypeError(LstmIrError, TypeError):
    """An argument has a wrong type or dtype, or does not exist."""


class ArtifactError(LstmIrError, ValueError):
    """A file is not a compiled module of ours, or is truncated or altered."""


class TargetError(LstmIrError, RuntimeError):
    """A module cannot run here: another target, missing CPU features, or no such device."""


class ExecutionError(LstmIrError, RuntimeError):
    """IREE refused or failed a call whose arguments had passed every check of ours."""
