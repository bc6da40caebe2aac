"""The weights of a ``torch.nn.LSTM``, ``GRU`` or ``RNN``, found by name in a state_dict, and its sizes by their shapes.

Names are those of torch.nn.LSTM: ``weight_ih_l0`` (4H, I), ``weight_hh_l0`` (4H, H), ``bias_ih_l0`` and ``bias_hh_l0``
(4H,), with ``proj_size`` P ``weight_hh_l0`` (4H, P) and ``weight_hr_l0`` (P, H); of the layer above ``..._l1``; of the
backward direction ``..._reverse``; all behind the prefix of the module that the LSTM is: ``encoder.rnn.weight_ih_l0``.
A GRU has 3H rows where an LSTM has 4H, an RNN has H.
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ArgumentError, LstmIrError, UnsupportedError
from lstm_ir.importers.stored_tensor import StoredTensor, shown

Float = NDArray[np.floating]

_NAME = re.compile(r"(?:(.*)\.)?(weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)_l(\d{1,4})(_reverse)?", re.DOTALL)
_DTYPES = ("float32", "float64", "float16", "bfloat16")
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
"""How many gates lie one behind the other in the rows of the weights, by PyTorch's class."""
_MOST_PROJECTED_UNITS = 8192
"""With proj_size the recurrent matrix is made of two small ones: what a file's size bounds otherwise, this does."""


@dataclass(frozen=True)
class DirectionWeights:
    """The weights of one layer in one direction, as PyTorch has them, with G gates.

    In an LSTM they lie in the order input, forget, cell, output, in a GRU in the order reset, update, new.

    Attributes:
        weight_ih: (G H, inputs).
        weight_hh: (G H, H), or (G H, P).
        bias: (G H,), the sum of both biases, of a GRU (2, G H), both; None without.
        weight_hr: (P, H), or None.
    """

    weight_ih: Float
    weight_hh: Float
    bias: Float | None
    weight_hr: Float | None


@dataclass(frozen=True)
class LSTMSizes:
    """What tells one nn.LSTM, nn.GRU or nn.RNN from another.

    Attributes:
        kind: PyTorch's class: LSTM, GRU or RNN.
        input_size: I.
        hidden_size: H.
        proj_size: P, or 0.
        num_layers: how many layers.
        bidirectional: whether there are two directions.
        bias: whether there are biases.
        dtype: NumPy's name, or ``bfloat16``.
    """

    kind: str
    input_size: int
    hidden_size: int
    proj_size: int
    num_layers: int
    bidirectional: bool
    bias: bool
    dtype: str

    @property
    def directions(self) -> tuple[str, ...]:
        """What the names of the weights of each direction end with."""
        return ("", "_reverse") if self.bidirectional else ("",)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of all weights by name."""
        rows, outputs = GATES[self.kind] * self.hidden_size, self.proj_size or self.hidden_size
        result: dict[str, tuple[int, ...]] = {}
        for layer in range(self.num_layers):
            inputs = outputs * len(self.directions) if layer else self.input_size
            for end in self.directions:
                result[f"weight_ih_l{layer}{end}"] = (rows, inputs)
                result[f"weight_hh_l{layer}{end}"] = (rows, outputs)
                if self.bias:
                    result[f"bias_ih_l{layer}{end}"] = (rows,)
                    result[f"bias_hh_l{layer}{end}"] = (rows,)
                if self.proj_size:
                    result[f"weight_hr_l{layer}{end}"] = (self.proj_size, self.hidden_size)
        return result


@dataclass(frozen=True)
class LSTMWeights:
    """A whole nn.LSTM, nn.GRU or nn.RNN.

    Attributes:
        prefix: where it was found; empty: at the root.
        sizes: its sizes.
        layers: of each layer the directions, forward first.
    """

    prefix: str
    sizes: LSTMSizes
    layers: tuple[tuple[DirectionWeights, ...], ...]


def find_lstm(
    tensors: Mapping[str, StoredTensor], prefix: str | None, where: str, damaged: type[LstmIrError]
) -> LSTMWeights:
    """Find one LSTM, GRU or RNN, check it, and read its weights.

    Args:
        tensors: by name.
        prefix: of the LSTM; None takes the only one that there is.
        where: the file or object, for messages.
        damaged: the error for weights that contradict each other.

    Raises:
        ArgumentError: no LSTM has this prefix, or there are several.
        UnsupportedError: the weights are of a dtype that cannot be compiled.
        LstmIrError: of class ``damaged``.
    """
    groups = _groups(tensors)
    chosen = _choose(groups, tensors, prefix, where, damaged)
    own = groups[chosen]
    label = f"{where}: {_kind(own)} {shown(chosen)}" if chosen else f"{where}: {_kind(own)}"
    sizes = _sizes(own, label, damaged)
    if sizes.proj_size and sizes.hidden_size > _MOST_PROJECTED_UNITS:
        raise UnsupportedError(
            f"{label}: proj_size with hidden_size {sizes.hidden_size}, at most {_MOST_PROJECTED_UNITS} can be compiled"
        )
    expected = sizes.shapes()
    for name, shape in expected.items():
        if name not in own:
            raise damaged(f"{label}: {name} is missing")
        if own[name].shape != shape:
            raise damaged(f"{label}: {name} has shape {own[name].shape}, expected {shape}")
    for name in own:
        if name not in expected:
            raise damaged(f"{label}: {name} does not go with the other weights")
    _warn_of_the_rest(tensors, chosen, own, prefix, where)
    values = {name: own[name].read() for name in expected}
    layers = tuple(
        tuple(_direction(values, f"l{layer}{end}", sizes) for end in sizes.directions)
        for layer in range(sizes.num_layers)
    )
    return LSTMWeights(chosen, sizes, layers)


def _groups(tensors: Mapping[str, StoredTensor]) -> dict[str, dict[str, StoredTensor]]:
    """The tensors that have names of recurrent weights, by prefix, without it."""
    groups: dict[str, dict[str, StoredTensor]] = {}
    for name, tensor in tensors.items():
        match = _NAME.fullmatch(name)
        if match is not None:
            prefix = match[1] or ""
            own = name[len(prefix) + 1 :] if match[1] is not None else name
            groups.setdefault(prefix, {})[own] = tensor
    return groups


def _choose(
    groups: Mapping[str, Mapping[str, StoredTensor]],
    tensors: Mapping[str, StoredTensor],
    prefix: str | None,
    where: str,
    damaged: type[LstmIrError],
) -> str:
    known = list(groups)
    listed = shown(*known)
    if prefix is not None:
        asked = prefix.removesuffix(".")
        if asked in known:
            return asked
        if asked == "" and len(known) == 1:
            return known[0]
        found = f"found {listed}" if known else "there is none"
        raise ArgumentError(f"prefix: got {prefix!r}, no nn.LSTM, nn.GRU or nn.RNN has it in {where}; {found}")
    if len(known) == 1:
        return known[0]
    if known:
        raise ArgumentError(f"prefix: {where} holds {len(known)} {_kinds(groups)}, give the prefix of one: {listed}")
    held = shown(*tensors) or "no tensors"
    raise damaged(f"{where} holds no weights of an nn.LSTM, GRU or RNN (weight_ih_l0, weight_hh_l0 ...), but {held}")


def _kinds(groups: Mapping[str, Mapping[str, StoredTensor]]) -> str:
    return " and ".join(sorted({f"nn.{_kind(own)}" for own in groups.values()}))


def _kind(own: Mapping[str, StoredTensor]) -> str:
    """Which class the weights are of, by the number of gates in those of the first layer."""
    first, second = own.get("weight_ih_l0"), own.get("weight_hh_l0")
    if first is None or second is None or len(first.shape) != 2 or len(second.shape) != 2 or "weight_hr_l0" in own:
        return "LSTM"
    rows, units = first.shape[0], second.shape[1]
    return next((kind for kind, gates in GATES.items() if rows == gates * units), "LSTM")


def _sizes(own: Mapping[str, StoredTensor], label: str, damaged: type[LstmIrError]) -> LSTMSizes:
    for name in ("weight_ih_l0", "weight_hh_l0"):
        if name not in own:
            raise damaged(f"{label}: {name} is missing")
    for name, tensor in own.items():
        wanted = 1 if name.startswith("bias") else 2
        if len(tensor.shape) != wanted or 0 in tensor.shape:
            raise damaged(f"{label}: {name} has shape {tensor.shape}, expected {wanted} axes, none of size 0")
    dtypes = sorted({tensor.dtype for tensor in own.values()})
    if len(dtypes) > 1 or dtypes[0] not in _DTYPES:
        accepted = ", ".join(_DTYPES)
        raise UnsupportedError(f"{label}: its weights are {', '.join(dtypes)}; accepted: one of {accepted}")
    projection = own.get("weight_hr_l0")
    hidden = own["weight_hh_l0"].shape[1] if projection is None else projection.shape[1]
    numbers = {int(_NAME.fullmatch(name)[3]) for name in own}  # type: ignore[index]  # own has matching names only
    return LSTMSizes(
        kind=_kind(own),
        input_size=own["weight_ih_l0"].shape[1],
        hidden_size=hidden,
        proj_size=0 if projection is None else projection.shape[0],
        num_layers=len(numbers),
        bidirectional=any(name.endswith("_reverse") for name in own),
        bias=any(name.startswith("bias") for name in own),
        dtype=dtypes[0],
    )


def _warn_of_the_rest(
    tensors: Mapping[str, StoredTensor],
    chosen: str,
    own: Mapping[str, StoredTensor],
    prefix: str | None,
    where: str,
) -> None:
    """Say what of a whole module's state_dict is not compiled, unless the caller named the part."""
    taken = {f"{chosen}.{name}" if chosen else name for name in own}
    rest = [name for name in tensors if name not in taken]
    if prefix is None and rest:
        warnings.warn(
            f"{where}: only the nn.{_kind(own)} {chosen!r} is compiled; left out: {shown(*rest)} (a state_dict "
            f"does not say what they do; prefix={chosen!r} says that this is meant)",
            UserWarning,
            stacklevel=4,
        )


def _direction(values: Mapping[str, Float], end: str, sizes: LSTMSizes) -> DirectionWeights:
    bias = None
    if sizes.bias and sizes.kind == "GRU":  # the reset gate scales one of them
        bias = np.stack([values[f"bias_ih_{end}"], values[f"bias_hh_{end}"]])
    elif sizes.bias:
        # Added in double precision: rounded once, to the dtype of the weights.
        bias = values[f"bias_ih_{end}"].astype(np.float64) + values[f"bias_hh_{end}"].astype(np.float64)
    return DirectionWeights(
        values[f"weight_ih_{end}"], values[f"weight_hh_{end}"], bias, values.get(f"weight_hr_{end}")
    )
