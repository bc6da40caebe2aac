"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

ModelPath = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help="A model saved by Keras 2 (tf_keras) or Keras 3: .keras, .h5, a SavedModel folder of tf.keras, or "
        ".json with .weights.h5 beside it; an ONNX model: .onnx; or the state_dict of a torch.nn.LSTM or GRU: .pt, "
        ".pth or .safetensors.",
    ),
]
Prefix = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="PyTorch: which LSTM or GRU of a state_dict, such as encoder.rnn.",
        show_default="the only one",
    ),
]
BatchFirst = Annotated[
    bool,
    typer.Option("--batch-first", help="PyTorch: inputs are (batch, time, features), not (time, batch, features)."),
]
ArtifactPath = Annotated[Path, typer.Argument(metavar="ARTIFACT", help="What lstm-ir compile wrote: .vmfb.")]
WeightsFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Where the artifact's file of weights is.", show_default="beside the artifact"),
]
AsJson = Annotated[
    bool, typer.Option("--json", help='Print one JSON object instead; a failure is {"error": {...}} in it.')
]
Batch = Annotated[int | None, typer.Option(min=1, help="Fix the batch to this size.", show_default="any")]
Time = Annotated[int | None, typer.Option(min=1, help="Fix the number of time steps.", show_default="any")]
Device = Annotated[
    str | None,
    typer.Option(help="Where to run: local-sync, local-task ... See: lstm-ir targets.", show_default="the artifact's"),
]
Threads = Annotated[
    int | None, typer.Option(help="CPU worker threads; 1 stays on the calling thread.", show_default="the artifact's")
]
