"""The arrays of ``--input`` and ``--mask``: FILE.npy, NAME=FILE.npy, or FILE.npz with arrays by name."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_ir.errors import ArgumentError
from lstm_ir.tools.array_files import Array, read_array, read_arrays
from lstm_ir.tools.failures import CommandLineError

if TYPE_CHECKING:
    from lstm_ir.runtime import Module

_MANY = ".npz"


def read_inputs(module: "Module", texts: Sequence[str]) -> dict[str, Array]:
    """Return a module's inputs by name; files without a name take the inputs that no other names, in order.

    Raises:
        CommandLineError: A name is given twice.
        ArgumentError: An unknown name, more or fewer than the module takes, or a file that cannot be read.
    """
    names = [spec.name for spec in module.inputs]
    given, unnamed = _read(
        names, texts, "--input", lambda name: f"the model has no input {name!r}, its inputs are {', '.join(names)}"
    )
    free = [name for name in names if name not in given]
    if len(unnamed) != len(free):
        count = len(given) + len(unnamed)
        raise ArgumentError(f"--input: the model takes {len(names)} ({', '.join(names)}), got {count}")
    return given | dict(zip(free, unnamed, strict=True))


def read_masks(module: "Module", texts: Sequence[str]) -> Any:
    """Return a call's masks: None, the one of a module with one input, or those of several by the input's name.

    Raises:
        CommandLineError: A name is given twice.
        ArgumentError: An unknown name, more than the module takes, or a file that cannot be read.
    """
    if not texts:
        return None
    one = len(module.inputs) == 1
    # Of a module without masks the call says why it takes none.
    names = [module.inputs[0].name] if one else [str(spec.of) for spec in module.masks]
    taken = f"masks are taken for {', '.join(names) or 'no input'}"
    given, unnamed = _read(names, texts, "--mask", lambda name: f"none is taken for {name!r}, {taken}")
    free = [name for name in names if name not in given]
    if len(unnamed) > len(free):
        raise ArgumentError(f"--mask: {taken}, got {len(given) + len(unnamed)}")
    given |= dict(zip(free, unnamed, strict=False))
    return next(iter(given.values())) if one else given


def _read(
    names: Sequence[str], texts: Sequence[str], option: str, unknown: Callable[[str], str]
) -> tuple[dict[str, Array], list[Array]]:
    """Return the arrays that have names, and those that have none."""
    given: dict[str, Array] = {}
    unnamed: list[Array] = []
    for text in texts:
        name, equals, file = text.partition("=")
        if not equals or (name not in names and Path(text).exists()):
            path = Path(text)
            if path.suffix != _MANY:
                unnamed.append(read_array(path, option))
                continue
            found = read_arrays(path, option)
        else:
            if name not in names:
                raise ArgumentError(f"{option}: {unknown(name)}")
            found = {name: read_array(Path(file), option)}
        for each, array in found.items():
            if each not in names:
                raise ArgumentError(f"{option}: {unknown(each)}")
            if each in given:
                raise CommandLineError(f"{option}: {each!r} is given twice")
            given[each] = array
    return given, unnamed
