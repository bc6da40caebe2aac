"""The repository's own shape: the links at its top, and the installation that `make` makes."""

import importlib.metadata
import json
from pathlib import Path

import pytest

import lstm_ir


@pytest.mark.parametrize("room", ["passes", "runtime", "tools"])
def test_links_at_the_top_lead_into_the_package(root, room):
    link = root / room
    assert link.is_symlink()
    assert link.readlink() == Path("lstm_ir") / room
    assert (link / "__init__.py").is_file()


def test_the_package_under_test_is_this_tree(root):
    assert Path(lstm_ir.__file__).resolve() == root / "lstm_ir" / "__init__.py"


def test_the_editable_installation_points_here(root):
    try:
        distribution = importlib.metadata.distribution("lstm-ir")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("lstm-ir is not installed here; make test installs it")
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    assert origin["dir_info"]["editable"] is True
    assert distribution.version == lstm_ir.__version__
    entries = {(entry.group, entry.name) for entry in distribution.entry_points}
    assert {("console_scripts", "lstm-ir"), ("xdsl.universe", "lstm-ir")} <= entries
