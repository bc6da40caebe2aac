"""The recorded cases of tests/conformance, run with modules that were compiled elsewhere."""

import importlib.util
import io
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import lstm_ir.compiler

TESTS = Path(__file__).resolve().parents[2] / "tests" / "conformance"
FORMS = ("auto", "cooperative")


def test_module(name: str) -> Any:
    """Import a module of the tests, which are no package."""
    full = f"conformance_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, TESTS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


def cases() -> list[str]:
    """The names of the cases that give numbers."""
    module = test_module("cases")
    found = [module.load_case(path) for path in module.case_paths()]
    return [case.id for case in found if case.raises is None and "get_losses" not in case.ops]


def run(name: str, compile_layer: Callable[..., Any]) -> float:
    """Run a case with a compiler of its own, in float32 where it was float64; returns the largest difference."""
    tests, live, vulkan = (test_module(which) for which in ("cases", "test_live", "test_vulkan"))
    case = tests.load_case(TESTS / "cases" / f"{name}.json")
    was_double = "float64" in str(case.layer["config"])
    case.layer["config"] = vulkan._single(case.layer["config"])
    with mock.patch.object(lstm_ir.compiler, "compile", compile_layer):
        return float(tests.check(live._run(case), case, vulkan.SINGLE if was_double else None))


class Archive:
    """Artifacts by name, in a compressed file.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        with tarfile.open(path) as archive:
            files = ((member.name, archive.extractfile(member)) for member in archive)
            self._held = {name: file.read() for name, file in files if file is not None}

    def names(self) -> list[str]:
        """The cases that it has artifacts of."""
        return sorted({name.rpartition(".")[0] for name in self._held})

    def compiler(self, case: str, load: Callable[[bytes], Any]) -> Callable[..., Any]:
        """Return what stands in for ``lstm_ir.compile``: it loads the case's artifacts, one after the other."""
        numbers = iter(range(1000))
        return lambda *_, **__: load(self._held[f"{case}.{next(numbers)}"])


@contextmanager
def written(path: Path) -> Iterator[Callable[[str, bytes], None]]:
    """Write an archive: the value is called with a name and bytes."""
    with tarfile.open(path, "w:xz") as archive:

        def add(name: str, data: bytes) -> None:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))

        yield add
