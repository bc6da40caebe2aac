import importlib.util
import sys
from pathlib import Path

import pytest


def _load(name):
    """Import a module beside this file; tests are not a package (importmode=importlib)."""
    full = f"conformance_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).parent / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


_cases = _load("cases")


@pytest.fixture(scope="session")
def conformance():
    """The module ``cases``: ``load_case(path)``, ``check(got, case)``, ``check_raises(error, case)``."""
    return _cases


def pytest_generate_tests(metafunc):
    """A test with an argument ``case_path`` runs once for each recorded case."""
    if "case_path" in metafunc.fixturenames:
        paths = _cases.case_paths()
        metafunc.parametrize("case_path", paths, ids=[path.stem for path in paths])


@pytest.fixture
def case(case_path):
    return _cases.load_case(case_path)
