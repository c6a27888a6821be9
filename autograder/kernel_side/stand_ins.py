"""Stand-ins for values that do not cross as themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

__all__ = ["Masked", "Parts", "Unsupported"]


@dataclass(frozen=True, eq=False)
class Unsupported:
    """Stands in for a value whose type does not cross; only the name of the type does. It equals nothing else."""

    type_name: str


@dataclass(frozen=True)
class Parts:
    """A value taken apart: its type, and its parts by name."""

    kind: str
    parts: dict[str, Any]


class Masked(Parts):
    """A masked array as a test has it: its values and its mask, and no array. NumPy leaves out what is masked, so
    `np.testing.assert_allclose` would hold for an answer that masks everything, whatever is expected."""

    __array_ufunc__ = None

    @property
    def data(self) -> np.ndarray[Any, Any]:
        """The values, those that are masked too."""
        return np.asarray(self.parts["data"])

    @property
    def mask(self) -> np.ndarray[Any, Any]:
        """Where a value is masked."""
        return np.asarray(self.parts["mask"])

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.data.shape)

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("a masked array is compared by assert_close and assert_same, or by its .data and .mask")
