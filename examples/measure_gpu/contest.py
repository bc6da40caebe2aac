"""One layer, ours beside PyTorch's: the same device, weights and input, timed in turns, checked in float64."""

import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from checks import on_device
from expected import expected
from plan import TOLERANCE, Measured

from lstm_ir.runtime import load
from lstm_ir.tools.bench.timing import Contestant, time_in_turns

OURS = "lstm-ir"


def run(what: Measured, folder: Path, device: str, checksum: str, seconds: float) -> dict[str, Any]:
    """Time a layer.

    Args:
        what: The layer, and how it is called.
        folder: Where its artifact is.
        device: What to load it on; PyTorch uses the GPU if this is one of CUDA's, else the CPU.
        checksum: Of the weights that the artifact has.
        seconds: How long each is timed, at least.

    Returns:
        By contestant: microseconds of a call, and the largest difference from the float64 reference.
    """
    if what.checksum != checksum:
        raise RuntimeError("this NumPy draws other weights than the one that the artifacts were made with")
    x, mask = what.inputs()
    where = "cuda" if device.startswith("cuda") else "cpu"
    with torch.inference_mode():
        right = expected(what, x, mask, where).cpu().numpy()
    module = load(lzma.decompress((folder / f"{what.artifact}.vmfb.xz").read_bytes()), device=device)
    given = on_device(module, x)
    contestants = {OURS: Contestant(OURS, lambda: module(given, mask=mask, device_outputs=True))}
    for name, settings in _peers(what, device).items():
        contestants[name] = Contestant(name, _peer(what, x, where), settings)
    results: dict[str, Any] = {"forms": sorted(set(module.forms.values()))}
    for name, contestant in list(contestants.items()):
        try:
            if contestant.before_turn is not None:
                contestant.before_turn()
            results[name] = {"difference": float(np.abs(_numbers(contestant.call()) - right).max())}
        except RuntimeError as error:
            if name == OURS:
                raise
            results[name] = {"error": str(error).splitlines()[0]}  # a type that PyTorch has no LSTM of on this device
            del contestants[name]
    time_in_turns(list(contestants.values()), seconds)
    for name, contestant in contestants.items():
        timing = contestant.timing
        results[name] |= {"median_us": timing.median_us, "best_us": timing.best_us, "calls": timing.calls}
    again = float(np.abs(_numbers(contestants[OURS].results[-1]) - right).max())
    results[OURS]["difference"] = max(again, results[OURS]["difference"])
    results["is_right"] = bool(results[OURS]["difference"] <= TOLERANCE[what.dtype])
    return results


def _peers(what: Measured, device: str) -> dict[str, Callable[[], None]]:
    """What to set before each turn, by name. PyTorch's LSTM has no masks and no hard_sigmoid: it runs without them."""

    def set_tf32(*, is_allowed: bool) -> None:
        torch.backends.cudnn.allow_tf32 = is_allowed

    if not device.startswith("cuda"):
        return {"PyTorch": lambda: None}
    peers: dict[str, Callable[[], None]] = {"cuDNN": lambda: set_tf32(is_allowed=False)}
    if what.dtype == "float32":
        peers["cuDNN, TF32"] = lambda: set_tf32(is_allowed=True)
    return peers


def _peer(what: Measured, x: np.ndarray[Any, Any], where: str) -> Callable[[], Any]:
    shape = what.shape
    dtype = getattr(torch, what.dtype)
    lstm = torch.nn.LSTM(shape.features, shape.units, shape.layers, bidirectional=shape.is_bidirectional)
    suffixes = ("", "_reverse") if shape.is_bidirectional else ("",)
    weights = iter(what.model.get_weights())
    with torch.no_grad():
        for layer in range(shape.layers):
            for suffix in suffixes:
                for name in ("weight_ih", "weight_hh", "bias_ih"):
                    values = np.ascontiguousarray(next(weights).astype(np.float32).T)
                    getattr(lstm, f"{name}_l{layer}{suffix}").copy_(torch.from_numpy(values))
                getattr(lstm, f"bias_hh_l{layer}{suffix}").zero_()
    lstm = lstm.to(where, dtype).eval()
    lstm.flatten_parameters()
    given = torch.from_numpy(x).to(where, dtype)

    def call() -> Any:
        with torch.inference_mode():
            y, _ = lstm(given)
        if where == "cuda":
            torch.cuda.synchronize()
        return y

    return call


def _numbers(result: Any) -> np.ndarray[Any, Any]:
    return np.asarray(result.float().cpu().numpy() if isinstance(result, torch.Tensor) else result.numpy(), np.float64)
