"""Pipelines by name: what ``lstm-ir compile`` runs, as text that ``lstm-ir opt -p`` accepts."""

RECURRENCE = (
    "lstm-normalize,lstm-fuse-gates,lstm-hoist-projection,lstm-choose-form{{form={form}}},"
    "lstm-check-stage{{stage=recurrence}}"
)

TENSORS = (
    "lstm-lower-activations,lstm-lower-scan-loop,lstm-lower-scan-unrolled,lstm-lower-layers,lstm-lower-dropout,lstm-expand-math,"
    "lstm-materialize-weights,canonicalize,lstm-check-stage{stage=target}"
)

PIPELINES = {
    "recurrence": RECURRENCE.format(form="auto"),
    "cpu": f"{RECURRENCE.format(form='auto')},{TENSORS}",
    "cpu-loop": f"{RECURRENCE.format(form='loop')},{TENSORS}",
    "cpu-unrolled": f"{RECURRENCE.format(form='unrolled')},{TENSORS}",
}
"""The named pipelines. ``persistent`` and ``cooperative`` scans will lower to hand-authored dispatches in pipelines of
their own, in the place where the lstm-lower-scan passes stand."""


def recurrence_pipeline(form: str) -> str:
    """Return the pipeline from layer level to recurrence level for a form, or ``auto``."""
    return RECURRENCE.format(form=form)
