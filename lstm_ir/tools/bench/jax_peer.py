"""JAX: the layer as its users write it, ``lax.scan`` over steps, compiled by XLA."""

import os
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from lstm_ir.tools.bench.network import (
    Affine,
    Array,
    Direction,
    InexpressibleError,
    MaskMaker,
    Network,
    Recurrence,
)
from lstm_ir.tools.bench.peer import Peer, Program, Stepper

_FUNCTIONS = ("tanh", "sigmoid", "relu", "softsign", "softplus", "elu", "selu", "swish", "relu6", "softmax")
_OWN_FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "linear": lambda jnp, z: z,
    "hard_sigmoid": lambda jnp, z: jnp.clip(0.2 * z + 0.5, 0.0, 1.0),
}


class JaxPeer(Peer):
    """JAX on the CPU, input already a JAX array."""

    name: ClassVar[str] = "jax"
    packages: ClassVar[tuple[str, ...]] = ("jax",)
    distribution: ClassVar[str] = "jax"

    def prepare(self, network: Network, x: Array, mask: Array | None, threads: int | None) -> Program:
        """Build the network, see `Peer.prepare`."""
        jax = _jax(threads)
        weights = jax.device_put([_weights(stage) for stage in network.stages])

        def run(parameters: Any, x: Any, mask: Any) -> list[Any]:
            outputs = [x if network.is_time_major else x.swapaxes(0, 1)]
            keep = None if mask is None else mask if network.is_time_major else mask.T
            sequences = 1
            for stage, arrays in zip(network.stages, parameters, strict=True):
                if isinstance(stage, MaskMaker):
                    keep = (outputs[0] != stage.value).any(-1)
                    outputs = [outputs[0] * keep[..., None]]
                elif isinstance(stage, Affine):
                    z = outputs[0] @ arrays[0] + arrays[1]
                    outputs = [_function(stage.activation.name)(z)]
                else:
                    outputs = _recurrence(stage, arrays, outputs[0], keep)
                    sequences = stage.sequences
            if not network.is_time_major:
                outputs[:sequences] = [value.swapaxes(0, 1) for value in outputs[:sequences]]
            return outputs

        compiled = jax.jit(run)
        arguments = (weights, jax.device_put(x), None if mask is None else jax.device_put(mask.astype(bool)))
        return Program(
            lambda: jax.block_until_ready(compiled(*arguments)),
            lambda outputs: [np.asarray(value) for value in outputs],
        )

    def prepare_step(self, network: Network, x: Array, threads: int | None) -> Stepper:
        """Build one LSTM, see `Peer.prepare_step`."""
        jax = _jax(threads)
        lstm = network.recurrences[0].directions[0]
        weights = jax.device_put(_weights(network.recurrences[0])[0])
        compiled = jax.jit(lambda weights, state, xt: _cell(lstm, weights[1], state, xt @ weights[0] + weights[2]))
        zeros = jax.device_put(np.zeros((x.shape[1], lstm.units), np.float32))
        steps = [jax.device_put(x[t]) for t in range(len(x))]
        position, state = 0, (zeros, zeros)

        def reset() -> None:
            nonlocal position, state
            position, state = 0, (zeros, zeros)

        def step() -> Any:
            nonlocal position, state
            state = jax.block_until_ready(compiled(weights, state, steps[position]))
            position += 1
            return state[0]

        return Stepper(reset, step, np.asarray)


def _jax(threads: int | None) -> Any:
    if threads is not None:
        # XLA's CPU client reads this when it is made; JAX has no option for it.
        os.environ["NPROC"] = str(threads)
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax

    return jax


def _weights(stage: Any) -> Any:
    if isinstance(stage, Affine):
        return (stage.kernel, stage.bias)
    if isinstance(stage, Recurrence):
        return [(lstm.kernel, lstm.recurrent_kernel, lstm.bias) for lstm in stage.directions]
    return ()


def _function(name: str) -> Callable[[Any], Any]:
    import jax

    if name in _OWN_FUNCTIONS:
        return lambda z: _OWN_FUNCTIONS[name](jax.numpy, z)
    if name not in _FUNCTIONS:
        raise InexpressibleError(f"activation {name} is not written for it")
    return jax.numpy.tanh if name == "tanh" else getattr(jax.nn, "soft_sign" if name == "softsign" else name)  # type: ignore[no-any-return]  # JAX is not typed here


def _cell(lstm: Direction, recurrent_kernel: Any, state: Any, projected: Any) -> Any:
    """Return h and c after one step."""
    import jax

    h, c = state
    squash, gate = _function(lstm.activation.name), _function(lstm.recurrent_activation.name)
    i, f, g, o = jax.numpy.split(projected + h @ recurrent_kernel, 4, axis=-1)
    c = gate(f) * c + gate(i) * squash(g)
    return gate(o) * squash(c), c


def _recurrence(stage: Recurrence, arrays: Any, x: Any, keep: Any) -> list[Any]:
    results = [_scan(lstm, weights, x, keep) for lstm, weights in zip(stage.directions, arrays, strict=True)]
    parts = [ys if stage.returns_sequences else last for ys, last, _, _ in results]
    if not stage.is_bidirectional:
        outputs = parts
    else:
        ahead, behind = parts[0], parts[1][::-1] if stage.returns_sequences else parts[1]
        outputs = _merged(stage.merge_mode, ahead, behind)
    return outputs + [state for _, _, h, c in results for state in (h, c)] * stage.returns_state


def _scan(lstm: Direction, weights: Any, x: Any, keep: Any) -> tuple[Any, Any, Any, Any]:
    """Return the outputs in the order of the visits, the last one, h and c."""
    import jax

    kernel, recurrent_kernel, bias = weights
    projected = x @ kernel + bias
    if lstm.goes_backwards:
        projected, keep = projected[::-1], None if keep is None else keep[::-1]
    zeros = jax.numpy.zeros((x.shape[1], lstm.units), x.dtype)

    def plain(state: Any, p: Any) -> Any:
        state = _cell(lstm, recurrent_kernel, state, p)
        return state, state[0]

    def masked(carried: Any, step: Any) -> Any:
        state, previous = carried
        p, m = step[0], step[1][:, None]
        h, c = _cell(lstm, recurrent_kernel, state, p)
        y = jax.numpy.where(m, h, 0.0 if lstm.zeroes_masked else previous)
        return ((jax.numpy.where(m, h, state[0]), jax.numpy.where(m, c, state[1])), y), y

    if keep is None:
        (h, c), ys = jax.lax.scan(plain, (zeros, zeros), projected)
    else:
        ((h, c), _), ys = jax.lax.scan(masked, ((zeros, zeros), zeros), (projected, keep))
    return ys, ys[-1], h, c


def _merged(mode: str | None, ahead: Any, behind: Any) -> list[Any]:
    import jax

    match mode:
        case "concat":
            return [jax.numpy.concatenate([ahead, behind], -1)]
        case "sum":
            return [ahead + behind]
        case "mul":
            return [ahead * behind]
        case "ave":
            return [(ahead + behind) / 2]
    return [ahead, behind]
