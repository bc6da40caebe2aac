"""What an artifact must give: what its model's own framework gave, and the float64 reference for the rest."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_ir.reference import run_model
from lstm_ir.tools.frameworks.choice import REFERENCE, Choice, given_up, put
from lstm_ir.tools.frameworks.exchange import Answer, Array, Question

if TYPE_CHECKING:
    from lstm_ir.layers import Model
    from lstm_ir.tools.verification_cases import Case

REFERENCE_TEXT = "lstm_ir.reference, step by step in float64"


@dataclass(frozen=True)
class Expected:
    """What one case must give.

    Attributes:
        outputs: In the model's order.
        states: The final states by name.
        outputs_by: Who says so: ``reference``, or a framework.
        states_by: The same for each state.
    """

    outputs: Sequence[Array]
    states: dict[str, Array]
    outputs_by: str
    states_by: dict[str, str]


@dataclass(frozen=True)
class Expectations:
    """What all cases must give.

    Attributes:
        cases: One for each case.
        by: ``reference``, or the framework that was asked.
        text: The same for people, with its version.
        reason: Why it is the reference although nobody asked for that, or None.
        left: What of which case is the reference's although a framework was asked, and why.
    """

    cases: Sequence[Expected]
    by: str
    text: str
    reason: str | None = None
    left: Sequence["Left"] = field(default_factory=list)


@dataclass(frozen=True)
class Left:
    """Something that a framework was not asked, or did not say.

    Attributes:
        case: The name of the case.
        what: ``all``, or the names of states.
        reason: Why.
    """

    case: str
    what: str
    reason: str


def expect(model: "Model", cases: Sequence["Case"], choice: Choice, path: Path, against: str) -> Expectations:
    """Find out what cases must give.

    Args:
        model: The model.
        cases: The cases.
        choice: Who is asked.
        path: The model's file.
        against: What the user asked for.

    Raises:
        CommandError: The user asked for a framework, and it cannot load the model, or can answer nothing.
    """
    answers: Sequence[Answer] = [Answer(None)] * len(cases)
    framework, text = choice.framework, REFERENCE_TEXT
    if framework is not None:
        response = put(choice, path, [Question(case.inputs, case.masks, case.states) for case in cases])
        reason = response.reason
        if reason is None and all(answer.outputs is None for answer in response.answers):
            reason = response.answers[0].reason or "it says nothing"
        if reason is not None:
            choice, framework = given_up(against, framework, reason), None
        else:
            answers, text = response.answers, response.version
    expected: list[Expected] = []
    left: list[Left] = []
    for case, answer in zip(cases, answers, strict=True):
        expected.append(_expected(model, case, answer, framework))
        if framework is not None and answer.reason is not None:
            missing = [name for name, by in expected[-1].states_by.items() if by == REFERENCE]
            left.append(Left(case.name, "all" if answer.outputs is None else ", ".join(missing), answer.reason))
    return Expectations(expected, framework or REFERENCE, text, choice.reason, left)


def _expected(model: "Model", case: "Case", answer: Answer, framework: str | None) -> Expected:
    names = list(dict.fromkeys(name for recurrence in model.recurrences() for name in recurrence.state_names))
    if framework is not None and answer.outputs is not None and all(name in answer.states for name in names):
        states = {name: answer.states[name] for name in names}
        return Expected(answer.outputs, states, framework, dict.fromkeys(names, framework))
    reference = run_model(model, case.inputs, case.mask, case.states)
    if framework is None or answer.outputs is None:
        return Expected(reference.outputs, reference.states, REFERENCE, dict.fromkeys(reference.states, REFERENCE))
    by = {name: framework if name in answer.states else REFERENCE for name in reference.states}
    return Expected(answer.outputs, {**reference.states, **answer.states}, framework, by)
