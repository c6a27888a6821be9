"""Tensors cross as marked arrays, both ways; on a device without data they stay where they are."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autograder.checking.comparisons import assert_close, assert_same
from autograder.checking.handles import ObjectProxy
from autograder.checking.outcomes import CheckFailed, StudentError
from autograder.checking.proxies import NotebookProxy, connection_of, evaluate
from autograder.checking.transports import InProcessTransport
from autograder.kernel_side.tensors import Tensor, tensor
from autograder.kernel_side.values import Decoder, ValueRefused
from autograder.sandbox.kernel import Kernel
from autograder.sandbox.levels import open_sandbox
from autograder.sandbox.limits import Limits

X = np.array([[1.0, -2.0], [3.0, 0.5]])


class Other:
    """A tensor of some other library, on a processor's memory or not."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __dlpack__(self) -> Any:
        raise BufferError("not asked")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        if self.data is None:
            raise RuntimeError("no data on this device")
        return self.data


def notebook(**names: Any) -> NotebookProxy:
    return NotebookProxy(InProcessTransport(names))


def told(actual: Any, expected: Any) -> str:
    try:
        assert_close(actual, expected)
    except CheckFailed as error:
        return error.cause
    return ""


def test_a_tensor_of_another_library_arrives_as_a_marked_array() -> None:
    """What a network gives could not be compared."""
    arrived = notebook(f=lambda: Other(X)).f()
    assert type(arrived) is Tensor
    assert not arrived.requires_grad
    assert told(arrived, tensor(X)) == ""
    assert told(arrived, tensor(-X)) == "the values are the right ones times −1: the sign is wrong"


@pytest.mark.parametrize(
    ("actual", "expected", "cause"),
    [
        (X, tensor(X), "a tensor is expected, and this is of type ndarray"),
        (tensor(X), X, "an array is expected, and this is a tensor"),
        (tensor(X[0]), tensor(X), "the array has 1 axes instead of 2"),
        (tensor(3.0), 3.0, ""),
        (tensor(3.0), 4.0, "the values are wrong"),
        (tensor([3.0]), 3.0, "a single value is expected, and this is a tensor"),
    ],
)
def test_tensors_and_arrays_are_told_apart(actual: Any, expected: Any, cause: str) -> None:
    """A function that leaves the library, and with it gradients, would get full marks."""
    assert told(actual, expected) == cause


def test_assert_same_asks_for_the_dtype() -> None:
    """float32 where float64 is asked for would go unseen."""
    assert_same(tensor(X), tensor(X))
    with pytest.raises(CheckFailed, match="the tensor has the dtype float32 where float64 is expected"):
        assert_same(tensor(X.astype("f4")), tensor(X))


def test_a_tensor_without_data_stays_where_it_is() -> None:
    """A tensor on a fake device would end the call, or be taken for an array."""
    arrived = notebook(f=lambda: Other(None)).f()
    assert isinstance(arrived, ObjectProxy)
    assert told(arrived, tensor(X)).startswith("a tensor is expected, and this is of a type that does not fit")


class LikeTorch(Other):
    """A tensor that gives its data only as torch does: detached, without a lazy conjugate, on the processor, and in a
    type of NumPy's."""

    __module__ = "torch"  # installed, and not written beside the notebook
    requires_grad = True

    def __init__(self, data: Any, dtype: str, steps: tuple[str, ...] = ()) -> None:
        super().__init__(data)
        self.dtype, self.steps = Path(dtype), steps  # a type that equals no text

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def __getattr__(self, step: str) -> Any:
        if step not in ("detach", "resolve_conj", "cpu"):
            raise AttributeError(step)
        return lambda: LikeTorch(self.data, str(self.dtype), (*self.steps, step))

    def float(self) -> LikeTorch:
        return LikeTorch(self.data.astype("f4"), "torch.float32", self.steps)

    def numpy(self) -> Any:
        if str(self.dtype) == "torch.bfloat16" or set(self.steps) != {"detach", "resolve_conj", "cpu"}:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.data


@pytest.mark.parametrize(("dtype", "arrives"), [("torch.float64", "f8"), ("torch.bfloat16", "f4")])
def test_a_tensor_of_torch_s_kind_arrives_with_its_data(dtype: str, arrives: str) -> None:
    """A network's parameters would stay where they are, and could not be compared; torch itself is not always here."""
    arrived = notebook(f=lambda: LikeTorch(X, dtype)).f()
    assert type(arrived) is Tensor
    assert (arrived.requires_grad, arrived.dtype) == (True, np.dtype(arrives))
    assert told(arrived, tensor(X)) == ""


def test_a_tensor_of_the_test_is_one_of_torch_in_the_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """A student's function would get an array, or a tensor without gradients."""
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(tensor=lambda data, **about: [data.tolist(), about]))
    student = notebook(f=lambda t: t)
    assert student.f(tensor(X)) == [X.tolist(), {"requires_grad": False}]
    assert student.f(tensor(X, requires_grad=True)) == [X.tolist(), {"requires_grad": True}]


@pytest.mark.parametrize(
    "parts",
    [
        {"data": 1, "requires_grad": True},
        {"data": ["array", "<f8", [1], 0], "requires_grad": 1},
        {"data": ["array", "<f8", [1], 0]},
        {},
    ],
)
def test_forged_tensors_are_refused(parts: Any) -> None:
    """A kernel could send what is no array."""
    with pytest.raises(ValueRefused):
        Decoder([bytes(8)]).decode(["parts", "tensor", parts])


def test_without_torch_a_tensor_is_the_notebook_s_error() -> None:
    """A student would be told that their function is wrong."""
    if has_torch():
        pytest.skip("torch is installed here")
    with pytest.raises(StudentError, match="No module named 'torch'"):
        notebook(f=lambda t: t).f(tensor(X))


def has_torch() -> bool:
    try:
        import torch  # noqa: F401
    except ImportError:
        return False
    return True


TORCH = """
import torch
def relu(t): return torch.relu(t)
def in_place(t): t.mul_(2)
def types(t): return [type(t).__name__, str(t.dtype), t.requires_grad]
def meta(): return torch.empty(3, device="meta")
def half(): return torch.ones(2, dtype=torch.bfloat16)
def strided(): return torch.ones(3, 2).T
def sparse(): return torch.eye(2).to_sparse()
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 1, dtype=torch.float64)
    def forward(self, t):
        return self.linear(t)
"""


@pytest.mark.skipif(not has_torch(), reason="torch is not installed here")
def test_tensors_of_torch_cross_both_ways() -> None:
    """A course with torch could not be checked."""
    namespace: dict[str, Any] = {}
    exec(TORCH, namespace)
    student = notebook(**namespace)
    assert_close(student.relu(tensor(X)), tensor(np.maximum(X, 0)))
    assert student.types(tensor(X, requires_grad=True)) == ["Tensor", "torch.float64", True]
    assert student.types(tensor(X.astype("f4"))) == ["Tensor", "torch.float32", False]
    assert_close(student.half(), tensor(np.ones(2)))
    assert_close(student.strided(), tensor(np.ones((2, 3))))
    assert isinstance(student.meta(), ObjectProxy)
    assert isinstance(student.sparse(), ObjectProxy)
    student.in_place(tensor(X))
    assert connection_of(student).calls[-1].changed == ["argument 1"]
    net = student.Net()
    weight, bias = net.linear.weight, net.linear.bias
    assert_close(net(tensor(X)), tensor(X @ weight.T + bias))
    assert [parameter.shape for parameter in net.parameters()] == [(1, 2), (1,)]
    gradient = evaluate(student, "torch.autograd.grad((relu(x) ** 2).sum(), x)[0]", x=tensor(X, requires_grad=True))
    assert_close(gradient, tensor(2 * np.maximum(X, 0)))


BACKWARD = """\
import torch
net, x = torch.nn.Linear(784, 256), torch.randn(512, 784)
net(x).pow(2).mean().backward()
print(net.weight.grad.shape)
"""


@pytest.mark.slow
@pytest.mark.skipif(not has_torch(), reason="torch is not installed here")
def test_torch_runs_within_the_memory_that_a_notebook_has_by_default() -> None:
    """Every course with torch would have to find out which setting to raise."""
    limits = Limits(cell_seconds=120, start_seconds=60)
    with open_sandbox(limits) as sandbox, Kernel(sandbox, {}) as kernel:
        outputs = kernel.execute(BACKWARD, 120).outputs.cells
    assert [output.get("text") for output in outputs] == ["torch.Size([256, 784])\n"]
    assert kernel.peak_mb < limits.memory_mb / 2
