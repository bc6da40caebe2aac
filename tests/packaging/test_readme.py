"""Every Python block of the README and of docs/ runs as it stands, one after the other in one namespace."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
MODEL = ROOT / "examples" / "japanese_vowels" / "model.keras"
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if BLOCK.search(page.read_text())]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_run(page, tmp_path, monkeypatch):
    # The blocks name these files, as a reader would have them.
    shutil.copy(MODEL, tmp_path / "model.keras")
    shutil.copy(ROOT / "tests" / "importers" / "data" / "onnx_torch_tagger.onnx", tmp_path / "tagger.onnx")
    recordings = np.load(MODEL.with_name("test.npz"))["recordings"]
    np.save(tmp_path / "x.npy", recordings[:3])
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for number, block in enumerate(BLOCK.findall(page.read_text()), 1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), namespace)


def test_the_readme_has_blocks():
    assert ROOT / "README.md" in PAGES


def test_links_between_the_pages_lead_somewhere():
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
