"""What a command line asks the benchmark for; nothing heavy is imported here."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lstm_ir.tools.failures import CommandLineError

PICTURES = (".svg", ".png")
ALL_SHAPES = "all"
ARTIFACT_SUFFIX = ".vmfb"


@dataclass(frozen=True)
class Plan:
    """The options of ``lstm-ir bench``.

    Attributes:
        source: A model or an artifact; None for the suite.
        is_suite: Run the suite.
        model: The model of an artifact.
        batch: Sequences of the source's input.
        time: Its time steps.
        shapes: Of the suite, as text.
        has_variants: Time the variants over the plain layer.
        has_steps: Time one step per call.
        peers: Their names, as text.
        form: The form to compile with, or ``auto``.
        all_forms: Time every form.
        has_fixed_sizes: Compile for each case's own sizes.
        threads: Of everybody; None leaves it to each.
        seconds: How long each contestant is timed in each case, at least.
        has_peaks: Measure the machine's peaks.
        picture: Where to draw.
    """

    source: Path | None
    is_suite: bool
    model: Path | None
    batch: int | None
    time: int | None
    shapes: str
    has_variants: bool
    has_steps: bool
    peers: str
    form: str
    all_forms: bool
    has_fixed_sizes: bool
    threads: int | None
    seconds: float
    has_peaks: bool
    picture: Path | None

    @property
    def is_artifact(self) -> bool:
        """Whether the source is already compiled."""
        return self.source is not None and self.source.suffix == ARTIFACT_SUFFIX

    def check(self) -> None:
        """Refuse options that do not go together.

        Raises:
            CommandLineError: Naming them.
        """
        if (self.source is not None) == self.is_suite:
            raise CommandLineError("SOURCE: give either a model or an artifact, or --suite")
        if self.is_suite and (self.batch is not None or self.time is not None):
            raise CommandLineError("--batch and --time: only without --suite, whose sizes are --shapes")
        if not self.is_suite and (self.has_variants or self.has_steps or self.shapes != ALL_SHAPES):
            raise CommandLineError("--shapes, --variants and --step: only together with --suite")
        if self.model is not None and not self.is_artifact:
            raise CommandLineError("--model: only together with an artifact")
        if self.is_artifact and (self.form != "auto" or self.all_forms or self.has_fixed_sizes):
            raise CommandLineError("--form, --forms and --fixed: not for an artifact, which is compiled already")
        if self.picture is not None and self.picture.suffix not in PICTURES:
            raise CommandLineError(f"--picture: got {self.picture}, expected a name ending in {' or '.join(PICTURES)}")
        if self.picture is not None and (self.has_variants or self.has_steps):
            raise CommandLineError("--picture: draws the ratios of shapes, not --variants or --step")

    def describe(self) -> dict[str, Any]:
        """Return the plan as JSON."""
        return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(self).items()}
