"""A model as its own framework opened it."""

from abc import ABC, abstractmethod

from lstm_ir.tools.frameworks.exchange import Answer, Question


class CannotAskError(Exception):
    """A framework has no way to be asked this; the text is the reason."""


class OpenedModel(ABC):
    """A model in its own framework.

    Attributes:
        version: The framework and its version, for people.
    """

    version: str

    @abstractmethod
    def answer(self, question: Question) -> Answer:
        """Call the model.

        Raises:
            CannotAskError: It has no way to say what the question means.
        """
