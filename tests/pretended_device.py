"""Pretend a device on the CPU that refuses tensors of the CPU, as a GPU does; importing it registers the device.

Tensors of it hold one on the CPU that computes, so that results are those of the CPU. What mixes them with tensors on
the CPU raises, but for single numbers and indices, and so does what reads their memory. It stays registered, which
other tests had better not see: use it in a process of its own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

_setup_privateuseone_for_python_backend("pretended")
DEVICE = torch.device("pretended:0")

mixed: list[str] = []
"""Operations that were refused, in order: also those whose error somebody has caught."""

has_double = True
"""Whether it has numbers in double precision: Apple's GPU has none."""

aten = torch.ops.aten
_TAKES_INDICES = (aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default)


class _Elsewhere(torch.Tensor):
    inner: torch.Tensor

    @staticmethod
    def __new__(cls: Any, inner: torch.Tensor) -> Any:
        form = {"strides": inner.stride(), "storage_offset": inner.storage_offset(), "dtype": inner.dtype}
        made = torch.Tensor._make_wrapper_subclass(cls, inner.shape, device=DEVICE, **form)  # type: ignore[attr-defined]
        made.inner = inner
        return made

    @property
    def data(self) -> Any:
        return torch.Tensor.data.__get__(self)  # type: ignore[attr-defined]

    @data.setter
    def data(self, other: Any) -> None:
        torch.Tensor.data.__set__(self, other)  # type: ignore[attr-defined]
        self.inner = other.inner

    def __repr__(self) -> str:  # type: ignore[override]
        return f"_Elsewhere({self.inner})"

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


class Pretending(TorchDispatchMode):
    """Lets tensors be made on the device while it is entered."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


def _inner(thing: Any) -> Any:
    if isinstance(thing, _Elsewhere):
        return thing.inner
    return torch.device("cpu") if isinstance(thing, torch.device) else thing


def _is_elsewhere(device: Any) -> bool:
    return device is not None and torch.device(device).type == DEVICE.type


def _computed(func: Any, args: Any, kwargs: Any) -> Any:
    leaves: list[torch.Tensor] = []
    tree_map(lambda one: leaves.append(one) if isinstance(one, torch.Tensor) else None, (args, kwargs))
    there = [one for one in leaves if isinstance(one, _Elsewhere)]
    device = kwargs.get("device")
    moves = func is aten._to_copy.default
    if not moves and func is not aten.copy_.default:
        _refuse_mixed(func, there, leaves)
    with _disable_current_modes():
        result = func(*tree_map(_inner, args), **tree_map(_inner, kwargs))
    if func is aten.copy_.default:
        return args[0]
    goes_there = _is_elsewhere(device) if device is not None else bool(there)
    if goes_there:
        tree_map(_refuse_double, result)
    known = {id(one.inner): one for one in there}
    return tree_map(lambda one: _wrapped(one, known) if goes_there else one, result)


def _wrapped(result: Any, known: dict[int, _Elsewhere]) -> Any:
    if not isinstance(result, torch.Tensor):
        return result
    return known[id(result)] if id(result) in known else _Elsewhere(result)


def _refuse_mixed(func: Any, there: list[_Elsewhere], leaves: list[torch.Tensor]) -> None:
    here = [one for one in leaves if not isinstance(one, _Elsewhere) and one.dim()]
    if there and here and func not in _TAKES_INDICES:
        mixed.append(str(func))
        raise RuntimeError(f"Expected all tensors to be on the same device, in {func}")


def _refuse_double(result: Any) -> None:
    if isinstance(result, torch.Tensor) and result.dtype is torch.float64 and not has_double:
        raise TypeError("Cannot convert a tensor to float64 dtype as the framework doesn't support float64")


def _empty_strided(size: Any, stride: Any, dtype: Any = None, **_: Any) -> torch.Tensor:
    with _disable_current_modes():
        inner = torch.empty_strided(size, stride, dtype=dtype, device="cpu")
    _refuse_double(inner)
    return _Elsewhere(inner)


def _copy_from(source: Any, target: Any, non_blocking: bool = False) -> Any:
    with _disable_current_modes():
        _inner(target).copy_(_inner(source))
    return target


_LIBRARY = torch.library.Library("aten", "IMPL")  # torch.tensor(...) calls these beside the mode
_LIBRARY.impl("empty_strided", _empty_strided, "PrivateUse1")
_LIBRARY.impl("_copy_from", _copy_from, "PrivateUse1")
