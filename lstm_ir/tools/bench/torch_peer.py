"""PyTorch: ``torch.nn.LSTM`` in inference mode."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from lstm_ir.tools.bench.network import Affine, Array, InexpressibleError, Network, Recurrence
from lstm_ir.tools.bench.peer import Peer, Program, Stepper

_FUNCTIONS = ("linear", "tanh", "sigmoid", "relu", "softmax")


class TorchPeer(Peer):
    """PyTorch's LSTM, whose gates are sigmoids and whose states are squashed by tanh."""

    name: ClassVar[str] = "torch"
    aliases: ClassVar[tuple[str, ...]] = ("pytorch",)
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    distribution: ClassVar[str] = "torch"

    def prepare(self, network: Network, x: Array, mask: Array | None, threads: int | None) -> Program:
        """Build the network, see `Peer.prepare`."""
        import torch

        network.refuse_masks(mask is not None)
        _set_threads(threads)
        stages = [_stage(stage, network.is_time_major) for stage in network.stages]
        tensor = torch.from_numpy(x)

        def call() -> list[Any]:
            values = [tensor]
            with torch.inference_mode():
                for stage in stages:
                    values = stage(values[0])
            return values

        return Program(call, lambda values: [value.numpy() for value in values])

    def prepare_file(self, path: Path, source: str, inputs: Mapping[str, Array], threads: int | None) -> Program:
        """Open a file of the weights of an nn.LSTM or nn.GRU, see `Peer.prepare_file`."""
        if source != "pytorch":
            return super().prepare_file(path, source, inputs, threads)
        import torch

        from lstm_ir.tools.frameworks.torch_worker import TorchModel

        _set_threads(threads)
        model = TorchModel(path, {"prefix": None, "batch_first": False})
        (x,) = inputs.values()
        tensor = torch.from_numpy(x)

        def call() -> list[Any]:
            with torch.inference_mode():
                output, last = model.module(tensor)
            return [output, *(last if isinstance(last, tuple) else (last,))]

        return Program(call, lambda values: [value.numpy() for value in values])

    def prepare_step(self, network: Network, x: Array, threads: int | None) -> Stepper:
        """Build one LSTM, see `Peer.prepare_step`."""
        import torch

        _set_threads(threads)
        (recurrence,) = network.recurrences
        module = _lstm(recurrence, is_time_major=True)
        steps = [torch.from_numpy(x[t : t + 1]) for t in range(len(x))]
        zeros = torch.zeros(1, x.shape[1], recurrence.directions[0].units)
        position, state = 0, (zeros, zeros)

        def reset() -> None:
            nonlocal position, state
            position, state = 0, (zeros, zeros)

        def step() -> Any:
            nonlocal position, state
            with torch.inference_mode():
                y, state = module(steps[position], state)
            position += 1
            return y

        return Stepper(reset, step, lambda y: np.asarray(y.numpy()[0]))


def _set_threads(threads: int | None) -> None:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)


def _stage(stage: Any, is_time_major: bool) -> Callable[[Any], list[Any]]:
    return _affine(stage) if isinstance(stage, Affine) else _recurrence(stage, is_time_major)


def _lstm(recurrence: Recurrence, is_time_major: bool) -> Any:
    """Return ``torch.nn.LSTM`` with the weights: its gates stand in Keras's order, its kernels are transposed."""
    import torch

    for lstm in recurrence.directions:
        if (lstm.activation.name, lstm.recurrent_activation.name) != ("tanh", "sigmoid"):
            raise InexpressibleError(
                f"activations: its LSTM has tanh and sigmoid only, not {lstm.activation.name} and "
                f"{lstm.recurrent_activation.name}"
            )
    first = recurrence.directions[0]
    if any(lstm.units != first.units for lstm in recurrence.directions):
        raise InexpressibleError("both directions have the same number of units in its LSTM")
    module = torch.nn.LSTM(
        first.features, first.units, bidirectional=recurrence.is_bidirectional, batch_first=not is_time_major
    ).eval()
    with torch.inference_mode():
        for lstm, suffix in zip(recurrence.directions, ("", "_reverse"), strict=False):
            getattr(module, f"weight_ih_l0{suffix}").copy_(torch.from_numpy(lstm.kernel.T.copy()))
            getattr(module, f"weight_hh_l0{suffix}").copy_(torch.from_numpy(lstm.recurrent_kernel.T.copy()))
            getattr(module, f"bias_ih_l0{suffix}").copy_(torch.from_numpy(lstm.bias.copy()))
            getattr(module, f"bias_hh_l0{suffix}").zero_()
    return module


def _recurrence(recurrence: Recurrence, is_time_major: bool) -> Callable[[Any], list[Any]]:
    module = _lstm(recurrence, is_time_major)
    time_axis = 0 if is_time_major else 1
    is_reversed = not recurrence.is_bidirectional and recurrence.directions[0].goes_backwards
    units = recurrence.directions[0].units

    def run(x: Any) -> list[Any]:
        y, (h, c) = module(x.flip(time_axis) if is_reversed else x)
        if recurrence.is_bidirectional:
            pair = (y[..., :units], y[..., units:]) if recurrence.returns_sequences else (h[0], h[1])
            outputs = _merged(recurrence, y, pair)
        else:
            outputs = [y if recurrence.returns_sequences else h[0]]
        if recurrence.returns_state:
            outputs += [state for k in range(len(recurrence.directions)) for state in (h[k], c[k])]
        return outputs

    return run


def _merged(recurrence: Recurrence, whole: Any, pair: tuple[Any, Any]) -> list[Any]:
    import torch

    ahead, behind = pair
    match recurrence.merge_mode:
        case "concat":
            return [whole if recurrence.returns_sequences else torch.cat(pair, -1)]
        case "sum":
            return [ahead + behind]
        case "mul":
            return [ahead * behind]
        case "ave":
            return [(ahead + behind) / 2]
    return [ahead, behind]


def _affine(stage: Affine) -> Callable[[Any], list[Any]]:
    import torch

    name = stage.activation.name
    if name not in _FUNCTIONS:
        raise InexpressibleError(f"activation {name} of a Dense layer is not given to it")
    weight, bias = torch.from_numpy(stage.kernel.T.copy()), torch.from_numpy(stage.bias.copy())

    def run(x: Any) -> list[Any]:
        z = torch.nn.functional.linear(x, weight, bias)
        if name == "linear":
            return [z]
        return [torch.softmax(z, -1) if name == "softmax" else getattr(torch, name)(z)]

    return run
