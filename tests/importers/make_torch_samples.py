"""Writes the samples of PyTorch in `data/` with PyTorch itself.

    python tests/importers/make_torch_samples.py

Each `torch_<name>.pt` or `.safetensors` is a state_dict; the `.npz` beside it holds an input `x`, `lengths` of its
sequences, what PyTorch returned for it (`y0` output, `y1` h_n, `y2` c_n), and for the sequences packed by their lengths
and padded again (`p0`, `p1`, `p2`). `torch_module.pt` is a pickled module, which is not read.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

DATA = Path(__file__).parent / "data"
FEATURES, BATCH, TIME = 3, 3, 6


def record(lstm: torch.nn.LSTM, file: str) -> None:
    """Save what PyTorch makes of one input."""
    first = lstm.batch_first
    x = torch.randn((BATCH, TIME, FEATURES) if first else (TIME, BATCH, FEATURES))
    lengths = torch.tensor([TIME, 1, 4])
    with torch.no_grad():
        plain, states = lstm(x)
        packed, packed_states = lstm(pack_padded_sequence(x, lengths, batch_first=first, enforce_sorted=False))
    padded, _ = pad_packed_sequence(packed, batch_first=first, total_length=TIME)
    results = [plain, *states, padded, *packed_states]
    names = ["y0", "y1", "y2", "p0", "p1", "p2"]
    arrays = {name: tensor.numpy() for name, tensor in zip(names, results, strict=True)}
    np.savez(DATA / f"{file}.npz", x=x.numpy(), lengths=lengths.numpy(), **arrays)


def main() -> None:
    """Write all samples."""
    torch.manual_seed(7)
    stack = torch.nn.LSTM(FEATURES, 4, num_layers=2, bidirectional=True, batch_first=True).eval()
    torch.save(stack.state_dict(), DATA / "torch_stack.pt")
    record(stack, "torch_stack.pt")
    tagger = torch.nn.ModuleDict(
        {"rnn": torch.nn.LSTM(FEATURES, 5, num_layers=2, proj_size=2), "words": torch.nn.Linear(2, 4)}
    ).eval()
    save_file(tagger.state_dict(), DATA / "torch_tagger.safetensors")
    record(tagger["rnn"], "torch_tagger.safetensors")
    torch.save(torch.nn.LSTM(2, 2), DATA / "torch_module.pt")


if __name__ == "__main__":
    main()
