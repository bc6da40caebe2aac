"""Objects over a device's memory and code, of which there is no copy."""

from typing import Any, ClassVar

from lstm_ir.runtime.errors import ArgumentTypeError


class NotCopied:
    """Refuses `copy` and `pickle`, which would say so in terms of IREE's objects, or share what looks like a copy.

    Attributes:
      instead: What to do in their place.
    """

    instead: ClassVar[str]

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise ArgumentTypeError(f"a {type(self).__name__} cannot be copied or pickled; {self.instead}")
