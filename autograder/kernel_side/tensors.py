"""Tensors cross as arrays that are marked as such. Only a notebook's process makes tensors of them again, so the side
that holds the tests needs no torch."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from autograder.kernel_side.stand_ins import Parts

__all__ = ["Tensor", "marked", "of_tensor", "tensor", "torch_tensor"]

Array = np.ndarray[Any, Any]


class Tensor(np.ndarray[Any, Any]):
    """An array that is a tensor in the notebook; `requires_grad` says whether gradients are wanted of it there."""

    requires_grad: bool = False


def tensor(values: Any, requires_grad: bool = False) -> Tensor:
    """Mark an array, so that it is a tensor of torch in the notebook: `student.f(tensor(X))`."""
    made = np.array(values).view(Tensor)
    made.requires_grad = requires_grad
    return made


def of_tensor(value: Any) -> Parts | None:
    """The parts of a tensor, whatever library it is of, if its data can be had here. Raises nothing."""
    if isinstance(value, Tensor):
        return Parts("tensor", {"data": np.asarray(value), "requires_grad": value.requires_grad})
    if isinstance(value, np.ndarray) or not hasattr(type(value), "__dlpack__"):
        return None
    try:
        return Parts("tensor", {"data": array_of(value), "requires_grad": bool(getattr(value, "requires_grad", False))})
    except Exception:  # on a device without data, say: it stays where it is, and the test has a handle
        return None


def array_of(value: Any) -> Array:
    if not hasattr(value, "detach"):
        return np.asarray(value)
    tensor = value.detach().resolve_conj().cpu()
    return np.asarray((tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy())


def marked(data: Any, requires_grad: Any) -> Tensor:
    """The tensor with these parts, as the tests have it."""
    if type(data) is not np.ndarray or type(requires_grad) is not bool:
        raise ValueError("no tensor")
    return tensor(data, requires_grad)


def torch_tensor(data: Any, requires_grad: Any) -> Any:
    """The tensor with these parts, as a notebook has it. Raises ImportError where there is no torch."""
    return import_module("torch").tensor(data, requires_grad=requires_grad)
