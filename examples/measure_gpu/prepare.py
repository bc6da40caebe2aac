"""Compiles what measure.py measures into a folder, on a machine that has lstm-ir[compiler] and needs no GPU.

For example:

    python examples/measure_gpu/prepare.py build/gpu --target-gpu sm_90 --wheel 3.12
"""

import argparse
import json
import lzma
import subprocess
import sys
from pathlib import Path
from typing import Any

import recorded
from plan import MEASURED, Measured

import lstm_ir
from lstm_ir.compiler import compile_artifact
from lstm_ir.errors import UnsupportedError


def main() -> None:
    """Prepare a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", default="cuda", help="what to compile for (cuda; another one for a rehearsal)")
    parser.add_argument("--target-gpu", help="as of lstm-ir compile, such as sm_80, sm_89, sm_90")
    parser.add_argument("--every", type=int, default=1, help="take every so manieth recorded case")
    parser.add_argument("--only", default="", help="measure only what has this in its name")
    parser.add_argument("--wheel", metavar="PYTHON", help="put IREE's runtime for this Python version in too, as 3.12")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    target = {"target": options.target, "target_gpu": options.target_gpu}
    measured = [what for what in MEASURED if options.only in str(what)]
    layers = {what.artifact: what for what in measured}
    for number, what in enumerate(layers.values(), 1):
        say(f"layer {number} of {len(layers)}: {what.artifact}")
        _compile(what, target, options.folder)
    compiled = {form: _record(form, options, target) for form in recorded.FORMS}
    manifest = {
        "lstm_ir": lstm_ir.__version__,
        **target,
        "measured": [str(what) for what in measured],
        "checksums": {name: what.checksum for name, what in layers.items()},
        "cases": compiled,
    }
    (options.folder / "manifest.json").write_text(json.dumps(manifest, indent=1))
    if options.wheel:
        say(f"IREE's runtime for Python {options.wheel}")
        _download(options.wheel, options.folder / "wheels")
    size = sum(path.stat().st_size for path in options.folder.rglob("*") if path.is_file())
    say(f"{options.folder} has {size / 2**20:.1f} MiB")


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)


def _compile(what: Measured, target: dict[str, Any], folder: Path) -> None:
    data = compile_artifact(what.model, **target).data
    (folder / f"{what.artifact}.vmfb.xz").write_bytes(lzma.compress(data))


def _record(form: str, options: argparse.Namespace, target: dict[str, Any]) -> list[str]:
    """Run recorded cases on this machine's CPU, and compile what they compile for the target as well."""
    done = []
    # Of the form that small layers do not choose by themselves a few are enough.
    names = recorded.cases()[:: options.every * (1 if form == "auto" else 6)]
    original = lstm_ir.compiler.compile
    with recorded.written(options.folder / f"cases-{form}.tar.xz") as add:
        for number, name in enumerate(names, 1):
            say(f"case {number} of {len(names)}, form {form}: {name}")
            made: list[bytes] = []

            def compile_both(source: Any, made: list[bytes] = made, **given: Any) -> Any:
                made.append(compile_artifact(source, form=form, **target, **given).data)
                return original(source, **given)

            try:
                recorded.run(name, compile_both)
            except UnsupportedError as error:
                say(f"  left out: {error}")
                continue
            for place, data in enumerate(made):
                add(f"{name}.{place}", data)
            done.append(name)
    return done


def _download(python: str, folder: Path) -> None:
    platforms = [f"--platform=manylinux_2_{minor}_x86_64" for minor in (28, 27, 17)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    version = ["--python-version", python, "--implementation", "cp", *platforms]
    subprocess.run([*command, *version, "-d", str(folder), "iree-base-runtime==3.13.*"], check=True)


if __name__ == "__main__":
    main()
