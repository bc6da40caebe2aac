"""The peers, by name."""

from lstm_ir.errors import ArgumentError
from lstm_ir.tools.bench.jax_peer import JaxPeer
from lstm_ir.tools.bench.onnxruntime_peer import OnnxRuntimePeer
from lstm_ir.tools.bench.openvino_peer import OpenVinoPeer
from lstm_ir.tools.bench.peer import Peer
from lstm_ir.tools.bench.tensorflow_peer import TensorFlowPeer, TensorFlowXlaPeer
from lstm_ir.tools.bench.torch_peer import TorchPeer

PEERS: tuple[Peer, ...] = (
    TorchPeer(),
    OnnxRuntimePeer(),
    OpenVinoPeer(),
    TensorFlowPeer(),
    TensorFlowXlaPeer(),
    JaxPeer(),
)


def peers_named(text: str) -> tuple[Peer, ...]:
    """Return the peers of a list such as ``torch,ort``; ``all`` and ``none`` are lists too.

    Raises:
        ArgumentError: A name of no peer.
    """
    if text == "all":
        return PEERS
    if text == "none":
        return ()
    by_name = {name: peer for peer in PEERS for name in (peer.name, *peer.aliases)}
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in by_name]
    if unknown or not names:
        known = ", ".join(peer.name for peer in PEERS)
        raise ArgumentError(f"--peers: got {text!r}, expected all, none, or some of {known}, separated by commas")
    wanted = {by_name[name].name for name in names}
    return tuple(peer for peer in PEERS if peer.name in wanted)
