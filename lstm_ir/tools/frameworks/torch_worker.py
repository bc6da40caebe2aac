"""PyTorch's ``nn.LSTM`` or ``nn.GRU`` with the weights of a file; those of an ``nn.RNN`` do not say what it applies."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ir.tools.frameworks.exchange import Answer, Array, Question
from lstm_ir.tools.frameworks.opened_model import CannotAskError, OpenedModel

_GATES = {"LSTM": 4, "GRU": 3}
_FIRST_SAFE = (2, 6)
"""Before it, torch.load could be made to run code in spite of weights_only (CVE-2025-32434)."""


class TorchModel(OpenedModel):
    """An ``nn.LSTM`` or ``nn.GRU`` on the CPU, its sizes taken from its weights.

    Args:
        path: ``.pt``, ``.pth`` or ``.safetensors``.
        settings: ``prefix``, or None for the only one, and ``batch_first``.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        import torch

        self.torch: Any = torch
        self.version = f"PyTorch {torch.__version__}"
        weights = _of_one(_state_dict(torch, path), settings["prefix"])
        self.kind = _kind(weights)
        first, recurrent = weights["weight_ih_l0"], weights["weight_hh_l0"]
        self.projection = weights.get("weight_hr_l0")
        self.layers = len({re.sub(r".*_l(\d+)(_reverse)?$", r"\1", name) for name in weights})
        self.directions = ("/forward", "/backward") if "weight_ih_l0_reverse" in weights else ("",)
        self.module: Any = getattr(torch.nn, self.kind)(
            first.shape[1],
            first.shape[0] // _GATES[self.kind],
            self.layers,
            bias="bias_ih_l0" in weights,
            batch_first=settings["batch_first"],
            bidirectional=len(self.directions) > 1,
            dtype=first.dtype,
            **({} if self.projection is None else {"proj_size": recurrent.shape[1]}),
        ).eval()
        self.module.load_state_dict(weights, strict=True)
        self.weights = weights

    def answer(self, question: Question) -> Answer:
        """Call the module; a mask becomes a packed sequence, states become ``hx``."""
        (array,) = question.inputs.values()
        rnn = self.torch.nn.utils.rnn
        x = self.torch.from_numpy(np.ascontiguousarray(array)).to(self.weights["weight_ih_l0"].dtype)
        lengths = [self._lengths(mask) for mask in question.masks.values()]
        first = self.module.batch_first
        given = rnn.pack_padded_sequence(x, lengths[0], first, enforce_sorted=False) if lengths else x
        with self.torch.inference_mode():
            output, last = self.module(given, self._hx(question.states))
            if lengths:
                output, _ = rnn.pad_packed_sequence(output, first, total_length=x.shape[1 if first else 0])
        parts = last if self.kind == "LSTM" else (last,)
        outputs = [_numpy(value) for value in (output, *parts)]
        states: dict[str, Array] = {}
        for part, rows in zip(self._parts(), outputs[1:], strict=True):
            if part == "c" or self.projection is None:
                states |= {f"{name}/{part}": row for name, row in zip(self._names(), rows, strict=True)}
        if self.projection is None:
            return Answer(outputs, states)
        return Answer(outputs, states, "PyTorch returns h behind its projection")

    def _names(self) -> list[str]:
        """The names that our states of each row of h_n and c_n start with."""
        return [f"{self.kind.lower()}_l{layer}{end}" for layer in range(self.layers) for end in self.directions]

    def _parts(self) -> str:
        return "hc" if self.kind == "LSTM" else "h"

    def _hx(self, states: Mapping[str, Array]) -> Any:
        if not states:
            return None
        tensors = [
            [self.torch.from_numpy(states[f"{name}/{part}"]) for name in self._names()] for part in self._parts()
        ]
        if self.projection is not None:
            # Our state is what W_hr is about to project.
            ends = {"/backward": "_reverse"}
            for row, name in enumerate(self._names()):
                layer, _, end = name.removeprefix("lstm_l").partition("/")
                projection = self.weights[f"weight_hr_l{layer}{ends.get(f'/{end}', '')}"]
                tensors[0][row] = tensors[0][row].to(projection.dtype) @ projection.T
        dtype = self.weights["weight_ih_l0"].dtype
        stacked = tuple(self.torch.stack(rows).to(dtype) for rows in tensors)
        return stacked if self.kind == "LSTM" else stacked[0]

    def _lengths(self, mask: Array) -> Any:
        rows = mask if self.module.batch_first else mask.T
        lengths = rows.sum(axis=1)
        if not lengths.all() or (rows != (np.arange(rows.shape[1]) < lengths[:, np.newaxis])).any():
            raise CannotAskError("a packed sequence has a length of one or more, and no holes")
        return self.torch.from_numpy(lengths)


def _numpy(tensor: Any) -> Array:
    if str(tensor.dtype) == "torch.bfloat16":
        tensor = tensor.float()
    array: Array = tensor.numpy()
    return array


def _state_dict(torch: Any, path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        is_archive = file.read(2) == b"PK"
    if not is_archive:
        from safetensors.torch import load_file

        return dict(load_file(path))
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    if version < _FIRST_SAFE:
        raise CannotAskError(f"PyTorch {torch.__version__} cannot load a .pt file safely; 2.6 and later can")
    return _flat(torch.load(path, map_location="cpu", weights_only=True))


def _flat(tensors: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the tensors of dicts in dicts by their names, joined with dots."""
    found: dict[str, Any] = {}
    for name, value in tensors.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def _of_one(tensors: Mapping[str, Any], prefix: str | None) -> dict[str, Any]:
    """Return the weights of the module with this prefix, or of the only one, by the names that PyTorch gives them."""
    asked = None if prefix is None else prefix.removesuffix(".")
    found: dict[str, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        match = re.fullmatch(r"(?:(.*)\.)?((?:weight_(?:ih|hh|hr)|bias_(?:ih|hh))_l\d+(?:_reverse)?)", name)
        if match is not None:
            found.setdefault(match[1] or "", {})[match[2]] = tensor
    if asked in found:
        return found[str(asked)]
    if len(found) != 1:
        raise CannotAskError(f"the file holds {len(found)} recurrent modules")
    return next(iter(found.values()))


def _kind(weights: Mapping[str, Any]) -> str:
    """Return PyTorch's class of a module with these weights, by its number of gates."""
    if not {"weight_ih_l0", "weight_hh_l0"} <= weights.keys():
        raise CannotAskError("the weights of the first layer are missing")
    projection = weights.get("weight_hr_l0")
    units = weights["weight_hh_l0"].shape[1] if projection is None else projection.shape[1]
    for kind, gates in _GATES.items():
        if weights["weight_ih_l0"].shape[0] == gates * units:
            return kind
    raise CannotAskError("the weights are those of an nn.RNN, which do not say what it applies")
