"""One artifact for several targets: the model compiled for each, and the artifacts joined."""

from typing import Any

from lstm_ir.compiler import Artifact, compile_artifact, model_of
from lstm_ir.errors import ArgumentError

__all__ = ["compile_several"]

_OF_CPUS = ("target_cpu", "costs")
_OF_GPUS = ("target_gpu",)


def compile_several(source: Any, targets: list[str], machine: dict[str, Any], **options: Any) -> Artifact:
    """Compile a model for several targets.

    Args:
        source: As in ``compile``.
        targets: Their names; the first is the one that runs where nobody names a device.
        machine: ``target_cpu``, ``costs`` and ``target_gpu`` as in ``compile``, each for the targets of its kind.
        options: All else that ``compile_artifact`` takes, for every target.

    Raises:
        ArgumentError: If a target comes twice, or ``target_gpu`` could be of two.
    """
    from lstm_ir.runtime.artifact import join

    gpus = [name for name in targets if name != "cpu"]
    if len(set(targets)) < len(targets):
        raise ArgumentError(f"target: got {','.join(targets)!r}, in which one comes twice")
    if len(gpus) > 1 and machine["target_gpu"] is not None:
        raise ArgumentError(f"target_gpu: got {machine['target_gpu']!r}, which may be of {' or '.join(gpus)}")
    model = model_of(source)
    made = []
    for name in targets:
        # What is of no target here goes to all of them, whose refusal names it.
        other = _OF_CPUS if name in gpus and "cpu" in targets else _OF_GPUS if name not in gpus and gpus else ()
        fitting = {key: value for key, value in machine.items() if key not in other}
        made.append(compile_artifact(model, name, **fitting, **options))
    seconds = {stage: sum(artifact.seconds[stage] for artifact in made) for stage in made[0].seconds}
    data = join([artifact.data for artifact in made])
    weights = {key: array for artifact in made for key, array in artifact.weights.items()}
    others = tuple(artifact.description for artifact in made[1:])
    return Artifact(data, made[0].description, seconds, others, weights)
