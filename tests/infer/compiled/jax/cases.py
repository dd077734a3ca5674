"""Calls of torch's operations, for each of which JAX is to compute the same."""

from __future__ import annotations

from typing import Any

import torch

aten: Any = torch.ops.aten
Call = tuple[Any, tuple[Any, ...], dict[str, Any]]

GENERATOR = torch.Generator().manual_seed(0)


def real(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=GENERATOR, dtype=dtype)


def positive(*shape: int) -> torch.Tensor:
    return real(*shape).exp()


def inner(*shape: int) -> torch.Tensor:
    """Numbers between -1 and 1."""
    return torch.rand(shape, generator=GENERATOR) * 1.8 - 0.9


def whole(*shape: int, low: int = -5, high: int = 6) -> torch.Tensor:
    return torch.randint(low, high, shape, generator=GENERATOR)


def truth(*shape: int) -> torch.Tensor:
    return real(*shape) > 0


def matrix(*shape: int) -> torch.Tensor:
    """Positive definite matrices."""
    root = real(*shape)
    return root @ root.mT + shape[-1] * torch.eye(shape[-1])


def call(operation: Any, *args: Any, **kwargs: Any) -> Call:
    return operation, args, kwargs


X, Y, ROW, DOUBLE = real(3, 4), positive(3, 4), positive(4), real(3, 4, dtype=torch.float64)
NUMBER, EXACT = torch.tensor(0.7), torch.tensor(0.7, dtype=torch.float64)
COUNTS, MASK, COLUMN = whole(3, 4), truth(3, 4), truth(3, 1)
NANS = torch.tensor([float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1.5])
HALVES = torch.tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])

_REAL = (
    "abs asinh atan ceil cos cosh digamma erf erfc exp exp2 expm1 floor lgamma neg reciprocal relu round sgn sigmoid"
)
_REAL += " sign sin sinh special_i0e special_i1e tan tanh trunc"
_POSITIVE = "log log10 log1p log2 rsqrt sqrt"
_INNER = "acos asin atanh erfinv"
_QUESTIONS = "isfinite isinf isnan"

ELEMENTS = [
    *(call(getattr(aten, name).default, X) for name in _REAL.split()),
    *(call(getattr(aten, name).default, Y) for name in _POSITIVE.split()),
    *(call(getattr(aten, name).default, inner(3, 4)) for name in _INNER.split()),
    *(call(getattr(aten, name).default, NANS) for name in _QUESTIONS.split()),
    call(aten.acosh.default, 1 + Y),
    call(aten.exp.default, COUNTS),
    call(aten.sqrt.default, COUNTS.abs()),
    call(aten.abs.default, COUNTS),
    call(aten.round.default, HALVES),
    call(aten.sign.default, NANS),
    call(aten.relu.default, NANS),
    call(aten.atan2.default, X, ROW),
    call(aten.bitwise_not.default, MASK),
    call(aten.bitwise_not.default, COUNTS),
    call(aten.logaddexp.default, X, ROW),
    call(aten.maximum.default, X, ROW),
    call(aten.minimum.default, X, EXACT),
    call(aten.polygamma.default, 1, Y),
    call(aten.polygamma.default, 2, Y),
]
PAIRS = [
    *(call(aten.add.Tensor, left, ROW) for left in (X, COUNTS, MASK, NUMBER)),
    *(call(aten.sub.Tensor, left, ROW) for left in (X, COUNTS, NUMBER)),
    *(call(aten.mul.Tensor, left, right) for left in (X, COUNTS, MASK) for right in (ROW, EXACT, DOUBLE, MASK)),
    call(aten.add.Tensor, X, ROW, alpha=3),
    call(aten.add.Tensor, COUNTS, COUNTS, alpha=-2),
    call(aten.add.Scalar, X, 2, 0.5),
    call(aten.add.Scalar, COUNTS, 0.5),
    call(aten.sub.Scalar, COUNTS, 2),
    call(aten.sub.Tensor, X, EXACT, alpha=0.5),
    call(aten.rsub.Scalar, X, 1.0),
    call(aten.rsub.Tensor, X, ROW, alpha=2),
    call(aten.mul.Scalar, MASK, 2.5),
    call(aten.div.Tensor, COUNTS, torch.tensor(4)),
    call(aten.div.Scalar, X, 3),
    *(call(aten.div.Tensor_mode, X, 0.3 * Y, rounding_mode=mode) for mode in (None, "floor", "trunc")),
    *(
        call(aten.div.Tensor_mode, COUNTS, torch.tensor([-3, 3, 2, -2]), rounding_mode=mode)
        for mode in ("floor", "trunc")
    ),
    *(call(aten.div.Scalar_mode, COUNTS, -3, rounding_mode=mode) for mode in ("floor", "trunc")),
    *(call(operation, COUNTS, -3) for operation in (aten.fmod.Scalar, aten.remainder.Scalar)),
    *(call(operation, X, -ROW) for operation in (aten.fmod.Tensor, aten.remainder.Tensor)),
    *(call(aten.pow.Tensor_Scalar, X, exponent) for exponent in (0, 1, 2, 3, 4, 7, -1, -2)),
    *(call(aten.pow.Tensor_Scalar, Y, exponent) for exponent in (0.5, -0.5, 1.7, -3, 2.0)),
    *(call(aten.pow.Tensor_Scalar, COUNTS, exponent) for exponent in (2, 5)),
    call(aten.pow.Tensor_Scalar, COUNTS.abs(), 0.5),
    call(aten.pow.Scalar, 0.9, X),
    call(aten.pow.Scalar, 2, COUNTS.abs()),
    call(aten.pow.Tensor_Tensor, Y, COUNTS),
    call(aten.pow.Tensor_Tensor, X, torch.tensor([0.0, 1.0, 2.0, 3.0])),
    *(call(aten.xlogy.Tensor, left, torch.tensor([0.0, 1.0, 2.0, float("nan")])) for left in (Y, torch.zeros(3, 4))),
    call(aten.xlogy.Scalar_Self, 2, Y),
    call(aten.xlogy.Scalar_Other, X, 3),
    call(aten.addcmul.default, X, Y, ROW, value=0.5),
    call(aten.addcdiv.default, X, X, Y, value=-2),
    *(call(aten.lerp.Scalar, X, Y, weight) for weight in (0.1, 0.9)),
    call(aten.lerp.Tensor, X, Y, inner(3, 4).abs()),
]
CHOICES = [
    *(
        call(getattr(getattr(aten, name), kind), left, right)
        for name in ("eq", "ge", "gt", "le", "lt", "ne")
        for kind, left, right in (
            ("Tensor", X, NUMBER),
            ("Tensor", COUNTS, EXACT),
            ("Scalar", COUNTS, 2),
            ("Scalar", MASK, 1),
        )
    ),
    call(aten.eq.Tensor, DOUBLE, DOUBLE.float()),
    call(aten.eq.Tensor, torch.full((3,), 0.1), torch.tensor(0.1, dtype=torch.float64)),
    call(aten.lt.Scalar, COUNTS, 1.5),
    *(call(operation, MASK, COLUMN) for operation in (aten.logical_and.default, aten.logical_or.default)),
    call(aten.logical_xor.default, COUNTS, MASK),
    call(aten.logical_not.default, COUNTS),
    call(aten.bitwise_and.Tensor, MASK, COLUMN),
    call(aten.bitwise_and.Scalar, COUNTS, 3),
    call(aten.bitwise_or.Tensor, MASK, COLUMN),
    call(aten.bitwise_xor.Tensor, COUNTS, torch.tensor(5)),
    call(aten.bitwise_or.Scalar, COUNTS, 8),
    call(aten.bitwise_xor.Scalar, COUNTS, 8),
    call(aten.where.self, COLUMN, X, EXACT),
    call(aten.where.self, COLUMN, X, DOUBLE),
    call(aten.where.ScalarOther, MASK, X, 0),
    call(aten.where.ScalarSelf, MASK, -1.5, X),
    call(aten.where.Scalar, MASK, 1.0, 0.0),
    call(aten.masked_fill.Scalar, X, COLUMN, -float("inf")),
    call(aten.masked_fill.Tensor, X, COLUMN, EXACT),
    call(aten.clamp.default, NANS, -1.0),
    call(aten.clamp.default, NANS, None, 1.0),
    call(aten.clamp.default, NANS, 2.0, 1.0),
    call(aten.clamp.default, COUNTS, min=0.5),
    call(aten.clamp.Tensor, X, -ROW, None),
    call(aten.clamp.Tensor, X, None, NUMBER),
    call(aten.clamp_min.default, NANS, 0.5),
    call(aten.clamp_max.default, COUNTS, 1),
    call(aten.clamp_min.Tensor, X, ROW),
    call(aten.clamp_max.Tensor, X, ROW),
]
CUBE, SCALAR, TIES = real(2, 3, 4), torch.tensor(-1.5), torch.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 0.0]])
REDUCTIONS = [
    *(call(operation, CUBE) for operation in (aten.sum.default, aten.mean.default, aten.prod.default)),
    *(call(operation, MASK) for operation in (aten.sum.default, aten.any.default, aten.all.default)),
    *(call(aten.sum.dim_IntList, CUBE, dims, keep) for dims in (None, [], [-1], [0, -2]) for keep in (False, True)),
    call(aten.sum.dim_IntList, COUNTS, [0]),
    call(aten.sum.dim_IntList, CUBE, [0], dtype=torch.float64),
    call(aten.sum.dim_IntList, SCALAR, [-1]),
    *(call(aten.mean.dim, CUBE, dims, keep) for dims in ([-1], [0, 2]) for keep in (False, True)),
    call(aten.prod.dim_int, CUBE, -1, True),
    *(call(operation, MASK, -1) for operation in (aten.any.dim, aten.all.dim)),
    *(call(operation, MASK, [0, 1], True) for operation in (aten.any.dims, aten.all.dims)),
    *(
        call(operation, CUBE, dims)
        for operation in (aten.amax.default, aten.amin.default)
        for dims in ([], [-1], [0, 1])
    ),
    *(call(operation, NANS) for operation in (aten.max.default, aten.min.default)),
    *(
        call(operation, TIES, dim, keep)
        for operation in (aten.max.dim, aten.min.dim)
        for dim, keep in ((-1, False), (0, True))
    ),
    call(aten.max.dim, SCALAR, 0),
    *(
        call(operation, TIES, *dim)
        for operation in (aten.argmax.default, aten.argmin.default)
        for dim in ((), (-1, True))
    ),
    *(call(aten.logsumexp.default, CUBE, dims, keep) for dims in ([-1], [0, 1]) for keep in (False, True)),
    call(aten.logsumexp.default, torch.full((2, 3), -float("inf")), [1]),
    *(call(aten.var.correction, CUBE, dims, correction=1.0, keepdim=True) for dims in (None, [1], [0, -1])),
    *(call(aten.var.correction, CUBE, [-1], correction=correction) for correction in (None, 0, 2, 5)),
    call(aten.std.correction, CUBE, [0, 2], correction=0),
    call(aten.var_mean.correction, CUBE, [1], correction=0, keepdim=True),
    *(
        call(operation, CUBE, -2)
        for operation in (aten.cumsum.default, aten.cumprod.default, aten.logcumsumexp.default)
    ),
    call(aten.cumsum.default, MASK, 1),
    call(aten.cumsum.default, SCALAR, 0),
    call(aten._softmax.default, CUBE, -1, False),
    call(aten._log_softmax.default, CUBE, 1, False),
    call(aten.flip.default, CUBE, [0, -1]),
    call(aten.sort.default, CUBE, 1, True),
    call(aten.sort.default, X),
]
MATRICES = [
    *(call(aten.mm.default, left, real(4, 2)) for left in (X, real(4, 3).t())),
    call(aten.mm.default, DOUBLE, real(4, 5, dtype=torch.float64)),
    call(aten.matmul.default, CUBE, real(4, 2)),
    call(aten.matmul.default, ROW, real(2, 4, 3)),
    call(aten.bmm.default, CUBE, real(2, 4, 5)),
    call(aten.mv.default, X, ROW),
    call(aten.dot.default, ROW, ROW),
    call(aten.mm.default, real(100, 30), real(30, 5)),
    call(aten.addmm.default, ROW, X, real(4, 4)),
    call(aten.addmm.default, torch.full((3, 2), float("nan")), X, real(4, 2), beta=0, alpha=2),
    call(aten.addmv.default, real(3), X, ROW, beta=0.5),
    call(aten.baddbmm.default, real(2, 3, 5), CUBE, real(2, 4, 5), alpha=-1),
    *(
        call(aten.linalg_cholesky_ex.default, matrix(*shape), upper=upper)
        for shape in ((4, 4), (2, 3, 3))
        for upper in (False, True)
    ),
    call(aten.linalg_cholesky_ex.default, matrix(40, 40)),
    call(aten.linalg_cholesky_ex.default, matrix(3, 3).tril()),
    call(aten.cholesky.default, matrix(2, 3, 3)),
    *(
        call(
            aten.linalg_solve_triangular.default,
            matrix(2, 3, 3),
            real(1, 3, 3),
            upper=upper,
            left=left,
            unitriangular=unit,
        )
        for upper in (False, True)
        for left in (False, True)
        for unit in (False, True)
    ),
    call(aten.linalg_solve_triangular.default, matrix(40, 40), real(40, 2), upper=False),
    *(
        call(aten.triangular_solve.default, real(3, 2), matrix(3, 3), *how)
        for how in ((), (False,), (True, True), (False, True, True))
    ),
    *(
        call(aten.cholesky_solve.default, real(2, 3, 1), torch.linalg.cholesky(matrix(2, 3, 3), upper=up), up)
        for up in (False, True)
    ),
]
