"""Checks and times on a GPU what prepare.py compiled. Needs this checkout, NumPy, PyTorch, pytest, and no network.

    python examples/measure_gpu/measure.py build/gpu --out results

Every item runs in a process that is ended where it hangs; what has been found so far is in the folder of results at any
time: results.jsonl, report.md, and picture.svg if there is Matplotlib.
"""

import argparse
import ctypes
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
STAGES = ("check", "speed", "auto", "cooperative")
Item = tuple[str, str]


def main() -> int:
    """Measure; the exit code is 1 if anything was wrong or not reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--minutes", type=float, default=9.0, help="begin nothing after that")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds for an item")
    parser.add_argument("--seconds", type=float, default=0.3, help="how long a contestant is timed")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    options.out.mkdir(parents=True, exist_ok=True)
    manifest = json.loads((options.folder / "manifest.json").read_text())
    environment = _environment(options.folder, options.device)
    about = {**_about(options.device, environment), "target_gpu": manifest["target_gpu"]}
    items = [item for stage in options.stages for item in _items(stage, manifest, environment)]
    found: dict[Item, dict[str, Any]] = {}
    print(json.dumps(about, indent=1), flush=True)
    with (options.out / "results.jsonl").open("w") as file:
        file.write(json.dumps({"about": about}) + "\n")
        while (left := [item for item in items if item not in found]) and time.monotonic() < end:
            for item, result in _run(left, options, environment, end):
                found[item] = result
                file.write(json.dumps({"item": item, "result": result}) + "\n")
                file.flush()
                print(f"{'ok   ' if result['ok'] else 'WRONG'} {' '.join(item)} {_brief(result)}", flush=True)
    return _report(options, about, items, found, environment)


def _items(stage: str, manifest: dict[str, Any], environment: dict[str, str]) -> list[Item]:
    if stage == "check":
        listed = subprocess.run(
            [sys.executable, "-c", "import checks, json; print(json.dumps(list(checks.CHECKS)))"],
            env=environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return [(stage, name) for name in json.loads(listed.stdout)]
    names = manifest["measured"] if stage == "speed" else manifest["cases"][stage]
    return [(stage, name) for name in names]


def _environment(folder: Path, device: str) -> dict[str, str]:
    """Return the environment of the processes; where there is no IREE runtime, that of the folder is in it."""
    paths = [str(HERE), str(ROOT)]
    if find_spec("iree") is None or find_spec("iree.runtime") is None:
        wheels = list((folder / "wheels").glob("*.whl"))
        if len(wheels) != 1:
            sys.exit(f"error: there is no iree.runtime here, and {len(wheels)} wheels of it in {folder / 'wheels'}")
        site = Path(tempfile.gettempdir()) / f"measure-gpu-{wheels[0].stem}"
        if not site.exists():
            zipfile.ZipFile(wheels[0]).extractall(site)
        paths.append(str(site))
    if os.environ.get("PYTHONPATH"):
        paths.append(os.environ["PYTHONPATH"])
    libraries = [*_link_to_driver(), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "LD_LIBRARY_PATH": os.pathsep.join(libraries),
    }


def _link_to_driver() -> list[str]:
    """Return a folder with libcuda.so, the name that IREE looks for, where there is libcuda.so.1 alone."""
    try:
        ctypes.CDLL("libcuda.so")
    except OSError:
        try:
            ctypes.CDLL("libcuda.so.1")
        except OSError:
            return []
        lines = Path("/proc/self/maps").read_text().splitlines()
        folder = tempfile.mkdtemp(prefix="measure-gpu-driver-")
        Path(folder, "libcuda.so").symlink_to(next(line.split()[-1] for line in lines if "libcuda.so" in line))
        return [folder]
    return []


def _about(device: str, environment: dict[str, str]) -> dict[str, Any]:
    code = (
        "import json, platform, numpy, torch, iree.runtime.version as iree\n"
        "print(json.dumps({'python': platform.python_version(), 'numpy': numpy.__version__, 'torch': torch.__version__,"
        " 'cudnn': torch.backends.cudnn.version(), 'iree': iree.VERSION}))"
    )
    versions = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    if versions.returncode:
        sys.exit(f"error: NumPy, PyTorch and IREE's runtime are needed\n{versions.stderr[-1000:]}")
    about = json.loads(versions.stdout)
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,clocks.max.sm", "--format=csv,noheader"]
    try:
        about["gpu"] = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        about["gpu"] = None
    return {"device": device, **about}


def _run(items: list[Item], options: argparse.Namespace, environment: dict[str, str], end: float) -> Any:
    """Give each item and its result, until the process dies or hangs, whose item has a result too."""
    command = [sys.executable, str(HERE / "worker.py"), str(options.folder), options.device, str(options.seconds)]
    with (options.out / "worker.log").open("a") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, text=True,
            start_new_session=True,
        )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps(items))
    process.stdin.close()
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    at: Item | None = None
    begun = time.monotonic()
    try:
        while True:
            limit = min(begun + options.patience, max(end, begun) + 20)
            try:
                line = lines.get(timeout=max(0.1, limit - time.monotonic()))
            except queue.Empty:
                yield at or items[0], {"ok": False, "error": f"no answer for {time.monotonic() - begun:.0f} s"}
                return
            if line is None and at is None:
                sys.exit(f"error: a process does not begin; see {options.out / 'worker.log'}")
            if line is None:
                if process.wait() != 0:
                    yield at, {"ok": False, "error": f"the process ended with {process.returncode}"}
                return
            said = json.loads(line)
            if "begin" in said:
                at, begun = tuple(said["begin"]), time.monotonic()
                if begun > end:
                    return
            else:
                yield tuple(said["end"]), said["result"]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _brief(result: dict[str, Any]) -> str:
    if not result["ok"] and "error" in result:
        return str(result["error"])
    times = {
        name: value["median_us"] for name, value in result.items() if isinstance(value, dict) and "median_us" in value
    }
    return " ".join(f"{name} {us:.0f} us" for name, us in times.items())


def _report(
    options: argparse.Namespace, about: dict[str, Any], items: list[Item], found: dict[Item, Any],
    environment: dict[str, str],
) -> int:  # fmt: skip
    missing = [item for item in items if item not in found]
    subprocess.run([sys.executable, str(HERE / "report.py"), str(options.out)], env=environment, check=False)
    wrong = [item for item, result in found.items() if not result["ok"]]
    print(
        f"{len(found) - len(wrong)} right, {len(wrong)} wrong, {len(missing)} not reached; {options.out / 'report.md'}"
    )
    return 1 if wrong or missing else 0


if __name__ == "__main__":
    sys.exit(main())
