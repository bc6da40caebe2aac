"""Compiles a trained Keras LSTM ahead of time and runs the artifact on real recordings, without TensorFlow.

    python examples/japanese_vowels/demo.py

Nine people say the same two vowels; the model tells from 7 to 29 frames of sound who it was. Its answers are compared
with those that Keras itself gave (`keras_predictions.npy`); the exit status is 1 when they are not the same.
"""

import argparse
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from picture import draw, has_colour
from rich.console import Console
from rich.table import Table
from rich.text import Text

import lstm_ir
from lstm_ir.errors import LstmIrError

HERE = Path(__file__).parent
MODEL = HERE / "model.keras"
ARTIFACT = HERE / "build" / "japanese_vowels.vmfb"
TOLERANCE = 1e-5
BATCH_RUNS = 5


@dataclass(frozen=True)
class Recordings:
    """The test set.

    Attributes:
        padded: float32 (recordings, longest, 12), filled up with a value that the model's Masking layer skips.
        lengths: int32 (recordings,), frames of each.
        labels: int32 (recordings,), index of who speaks.
        speakers: Their names.
        keras: float32 (recordings, 9), Keras's own answers.
        frame_seconds: Time between two frames.
    """

    padded: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray
    speakers: list[str]
    keras: np.ndarray
    frame_seconds: float

    def alone(self, index: int) -> np.ndarray:
        """Returns one recording at its own length, (1, frames, 12)."""
        return self.padded[index : index + 1, : self.lengths[index]]

    def deviations(self, index: int) -> np.ndarray:
        """Returns one recording, (frames, 12), in standard deviations from each coefficient's mean."""
        frames = np.concatenate([self.alone(i)[0] for i in range(len(self.lengths))])
        deviations: np.ndarray = (self.alone(index)[0] - frames.mean(axis=0)) / frames.std(axis=0)
        return deviations


@dataclass(frozen=True)
class Run:
    """What the compiled module answered, (recordings, 9) each, and how long it took, in seconds."""

    batch: np.ndarray
    one_by_one: np.ndarray
    first_result_seconds: float
    batch_seconds: float
    median_seconds: float
    forms: dict[str, str]
    weights_bytes: int


def read_recordings() -> Recordings:
    """Reads the committed test set and Keras's predictions for it."""
    with np.load(HERE / "test.npz") as data:
        return Recordings(
            padded=data["recordings"],
            lengths=data["lengths"],
            labels=data["labels"],
            speakers=data["speakers"].tolist(),
            keras=np.load(HERE / "keras_predictions.npy"),
            frame_seconds=float(data["frame_seconds"]),
        )


def run(artifact: Path, recordings: Recordings) -> Run:
    """Loads the artifact and runs every recording: all in one masked batch, then each by itself."""
    start = time.perf_counter()
    module = lstm_ir.load(artifact)
    module(recordings.alone(0))
    first_result_seconds = time.perf_counter() - start

    # The padded frames are masked inside the module: the model has its own Masking layer.
    batch_times = []
    for _ in range(BATCH_RUNS):
        start = time.perf_counter()
        batch = module(recordings.padded)
        batch_times.append(time.perf_counter() - start)

    answers, times = [], []
    for index in range(len(recordings.lengths)):
        x = recordings.alone(index)
        start = time.perf_counter()
        answer = module(x)
        times.append(time.perf_counter() - start)
        answers.append(answer)

    return Run(
        batch=batch,
        one_by_one=np.concatenate(answers),
        first_result_seconds=first_result_seconds,
        batch_seconds=statistics.median(batch_times),
        median_seconds=statistics.median(times),
        forms=dict(module.forms),
        weights_bytes=module.description["weights_bytes"],
    )


def largest_difference(answers: np.ndarray, keras: np.ndarray) -> float:
    """Returns the largest absolute difference between two (recordings, 9) arrays; NaN if either has one."""
    return float(np.max(np.abs(answers.astype(np.float64) - keras)))


def labels_equal(answers: np.ndarray, keras: np.ndarray) -> int:
    """Returns for how many recordings both name the same speaker."""
    return int(np.sum(answers.argmax(axis=-1) == keras.argmax(axis=-1)))


def results(result: Run, recordings: Recordings, artifact: Path, compile_seconds: float) -> Table:
    """Returns the figures as a table of two columns."""
    count = len(recordings.labels)
    size = artifact.stat().st_size
    right = labels_equal(result.batch, np.eye(len(recordings.speakers))[recordings.labels])
    milliseconds = 1e3

    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    table.add_row("accuracy", f"{right / count:.2%} ({right} of {count})".replace("%", " %"))
    for name, answers in (("one batch", result.batch), ("one by one", result.one_by_one)):
        difference = largest_difference(answers, recordings.keras)
        equal = labels_equal(answers, recordings.keras)
        style = "green" if difference <= TOLERANCE and equal == count else "bold red"
        words = f"largest difference {difference:.1e}, labels equal {equal} of {count}"
        table.add_row(f"against Keras, {name}", Text(words, style))
    weights = result.weights_bytes
    table.add_row("artifact", f"{_kib(size)}: weights {_kib(weights)}, all else {_kib(size - weights)}")
    table.add_row("compile", f"{compile_seconds:.2f} s")
    table.add_row("load to first result", f"{result.first_result_seconds * milliseconds:.1f} ms")
    table.add_row(
        "time per recording",
        f"{result.median_seconds * milliseconds:.3f} ms alone (median), "
        f"{result.batch_seconds / count * milliseconds:.3f} ms in a batch of {count}",
    )
    table.add_row("form that ran", ", ".join(f"{scan}: {form}" for scan, form in result.forms.items()))
    return table


def _kib(size: int) -> str:
    return f"{size / 1024:.1f} KiB"


def show_one(console: Console, recordings: Recordings, answers: np.ndarray, index: int) -> None:
    """Prints the picture of one recording and its answer."""
    length = int(recordings.lengths[index])
    said = recordings.speakers[recordings.labels[index]]
    answered = recordings.speakers[answers[index].argmax()]
    seconds = length * recordings.frame_seconds
    console.print(
        f"Recording {index}: {said}, {length} frames ({seconds * 1e3:.0f} ms); the module says {answered}.\n",
        style="bold",
        highlight=False,
    )
    deviations = recordings.deviations(index)
    console.print(draw(console, deviations, answers[index], recordings.speakers, int(recordings.labels[index])))
    scale = "blue below, orange above" if has_colour(console) else "' ' far below, '@' far above"
    console.print(f"12 coefficients over time: {scale} their means", style="dim", highlight=False)


def main() -> int:
    """Compiles, runs, compares and prints.

    Returns:
        0 when every answer is Keras's, 1 when one is not.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ARTIFACT, help="where to write the artifact")
    parser.add_argument("--recording", type=int, default=0, metavar="N", help="the recording to draw, 0 to 369")
    arguments = parser.parse_args()
    console = Console()
    recordings = read_recordings()
    if not 0 <= arguments.recording < len(recordings.labels):
        parser.error(f"--recording: 0 to {len(recordings.labels) - 1} accepted, got {arguments.recording}")
    if arguments.output == ARTIFACT:
        ARTIFACT.parent.mkdir(exist_ok=True)

    try:
        with console.status("compiling"):
            start = time.perf_counter()
            lstm_ir.compile(MODEL, target="cpu", output=arguments.output)
            compile_seconds = time.perf_counter() - start
        with console.status("running"):
            result = run(arguments.output, recordings)
    except LstmIrError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    assert "tensorflow" not in sys.modules, "the demo must not need TensorFlow"

    console.print(f"{MODEL.name}, compiled ahead of time, on {len(recordings.labels)} recordings", style="bold")
    console.print()
    console.print(results(result, recordings, arguments.output, compile_seconds))
    console.print()
    show_one(console, recordings, result.one_by_one, arguments.recording)

    # Written so that a NaN fails.
    agrees = all(
        largest_difference(answers, recordings.keras) <= TOLERANCE
        and labels_equal(answers, recordings.keras) == len(recordings.labels)
        for answers in (result.batch, result.one_by_one)
    )
    if not agrees:
        print(f"demo: the answers differ from Keras's by more than {TOLERANCE:g}", file=sys.stderr)
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
