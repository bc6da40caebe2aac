"""What every contestant looks like to the benchmark."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from lstm_ir.tools.bench.network import Array, InexpressibleError, Network


@dataclass(frozen=True)
class Program:
    """A model made ready, its input included, so that a call is the runtime's own work only.

    Attributes:
        call: Runs it once, to the end: when it returns, the results can be read.
        fetch: Takes what ``call`` returned, and gives the model's outputs as NumPy arrays; not timed.
    """

    call: Callable[[], Any]
    fetch: Callable[[Any], list[Array]]


@dataclass(frozen=True)
class Stepper:
    """A model that is called one step at a time, its state carried by the caller's Python code.

    Attributes:
        reset: Sets the state to zero, and begins with the first step again.
        step: Runs the next step, to the end.
        fetch: Takes what ``step`` returned, and gives the step's output [B, U]; not timed.
    """

    reset: Callable[[], None]
    step: Callable[[], Any]
    fetch: Callable[[Any], Array]


class Peer(ABC):
    """A runtime that may be installed.

    Attributes:
        name: What it is called in tables and by ``--peers``.
        aliases: Other names by which ``--peers`` knows it.
        packages: The modules that it needs.
        distribution: The package whose version is shown.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    packages: ClassVar[tuple[str, ...]]
    distribution: ClassVar[str]

    def missing(self) -> str | None:
        """Return why it cannot be used here, or None."""
        absent = [package for package in self.packages if find_spec(package) is None]
        return f"not installed: {', '.join(absent)}" if absent else None

    def version(self) -> str | None:
        """Return the version installed, or None."""
        try:
            return version(self.distribution)
        except PackageNotFoundError:
            return None

    @abstractmethod
    def prepare(self, network: Network, x: Array, mask: Array | None, threads: int | None) -> Program:
        """Build the network.

        Args:
            network: What to run.
            x: Its input, float32.
            mask: Which steps count, or None.
            threads: How many to use; None leaves it to the runtime.

        Raises:
            InexpressibleError: It cannot say what the network means.
        """

    def prepare_file(self, path: Path, source: str, inputs: Mapping[str, Array], threads: int | None) -> Program:
        """Open a model file that the runtime reads itself.

        Args:
            path: The file, which our importer has read.
            source: Where it comes from, as `Model.source` says it.
            inputs: The model's inputs by name, in its order.
            threads: How many to use; None leaves it to the runtime.

        Raises:
            InexpressibleError: It reads no such files.
        """
        raise InexpressibleError("a graph; it is given chains of layers, and files of its own kind")

    def prepare_step(self, network: Network, x: Array, threads: int | None) -> Stepper:
        """Build a network of one time-major LSTM to be called with one step of ``x`` at a time.

        Raises:
            InexpressibleError: It is not done for this runtime.
        """
        raise InexpressibleError("one step per call is not measured with it")
