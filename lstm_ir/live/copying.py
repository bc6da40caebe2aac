"""Copies and pickles of executing layers: their config, weights and recorded states; modules are compiled anew."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


class Copying:
    """Lets `copy` and `pickle` make a layer from what describes it, as its lock and its modules have no copies."""

    def __reduce__(self) -> tuple[Any, ...]:
        layer: Any = self
        built = layer.get_build_config() if layer.built else None
        return _made, (type(self), layer.get_config(), layer.flavour, built, layer.get_weights(), layer._states)


def _made(
    kind: Any,
    config: Mapping[str, Any],
    flavour: str,
    built: dict[str, Any] | None,
    weights: Sequence[Array],
    states: Sequence[Array] | None,
) -> Any:
    layer = kind.from_config(config, flavour=flavour)
    if built is not None:
        layer.build_from_config(built)
        layer.set_weights(weights)
    layer._states = None if states is None else [state.copy() for state in states]
    return layer
