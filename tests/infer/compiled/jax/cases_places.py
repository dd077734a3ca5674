"""Calls of torch's operations that arrange, read and write values, for each of which JAX is to compute the same."""

from __future__ import annotations

import torch

from tests.infer.compiled.jax.cases import CUBE, DOUBLE, MASK, ROW, SCALAR, Call, X, Y, aten, call, inner, real, truth

LONG, ROWS = torch.int64, torch.tensor([2, -1, 0, 2])
BIG = real(600, 300)
SHAPES = [
    *(
        call(operation, CUBE, [4, -1])
        for operation in (aten.view.default, aten.reshape.default, aten.view_copy.default)
    ),
    call(aten._unsafe_view.default, CUBE, [6, 4]),
    call(aten._reshape_alias.default, CUBE, [6, 4], [4, 1]),
    *(call(operation, CUBE, -2) for operation in (aten.unsqueeze.default, aten.unsqueeze_copy.default)),
    *(call(operation, CUBE[:, :1]) for operation in (aten.squeeze.default, aten.squeeze_copy.default)),
    *(call(operation, CUBE[:, :1], -2) for operation in (aten.squeeze.dim, aten.squeeze_copy.dim)),
    call(aten.squeeze.dim, CUBE, 0),
    *(call(operation, CUBE[:1, :1], [0, 2]) for operation in (aten.squeeze.dims, aten.squeeze_copy.dims)),
    *(call(operation, X[:, None], [2, -1, 5, 4]) for operation in (aten.expand.default, aten.expand_copy.default)),
    *(call(operation, CUBE, [2, 0, -2]) for operation in (aten.permute.default, aten.permute_copy.default)),
    *(call(operation, CUBE, 0, -1) for operation in (aten.transpose.int, aten.transpose_copy.int)),
    *(call(operation, value) for operation in (aten.t.default, aten.t_copy.default) for value in (X, ROW)),
    *(
        call(aten.slice.Tensor, CUBE, *where)
        for where in ((), (-1, 1), (1, -2, -1), (2, None, 99, 2), (0, 5, 9), (1, -99, 2))
    ),
    call(aten.slice_copy.Tensor, CUBE, 2, 0, 3, 2),
    *(call(operation, CUBE, -1, -2) for operation in (aten.select.int, aten.select_copy.int)),
    *(call(operation, CUBE, 1) for operation in (aten.unbind.int, aten.unbind_copy.int)),
    *(
        call(operation, CUBE, [1, 0, 3], -1)
        for operation in (aten.split_with_sizes.default, aten.split_with_sizes_copy.default)
    ),
    call(aten.split.Tensor, CUBE, 2, 1),
    call(aten.cat.default, [X, real(2, 4), DOUBLE[:1]]),
    call(aten.cat.default, [torch.empty(0), CUBE, CUBE], -1),
    call(aten.stack.default, [X, Y], -1),
    call(aten.repeat.default, X, [2, 1, 3]),
    call(aten.constant_pad_nd.default, CUBE, [1, 2, -1, 3], 0.5),
    *(call(aten.diagonal.default, CUBE, offset, 2, 1) for offset in (-1, 0, 2)),
    call(aten.diagonal_copy.default, X),
    *(call(aten.diag_embed.default, X, *where) for where in ((), (2,), (-1, 0, -1))),
    *(call(aten.diagonal_scatter.default, X, real(n), offset) for n, offset in ((3, 0), (2, 2), (2, -1))),
    call(aten.diagonal_scatter.default, CUBE, real(4, 2), 0, 0, 1),
    call(aten.diagonal_backward.default, real(2, 2), [2, 3, 4], -1, 1, 2),
    *(
        call(operation, CUBE, diagonal)
        for operation in (aten.tril.default, aten.triu.default)
        for diagonal in (-1, 0, 1)
    ),
    *(
        call(operation, X)
        for operation in (aten.alias.default, aten.clone.default, aten.detach.default, aten.alias_copy.default)
    ),
    *(
        call(operation, X)
        for operation in (aten.detach_copy.default, aten.lift_fresh.default, aten.lift_fresh_copy.default)
    ),
    *(
        call(aten._to_copy.default, 3 * value, dtype=kind)
        for value in (X, MASK)
        for kind in (torch.float64, LONG, torch.bool)
    ),
    call(aten.copy.default, X, ROW.double()),
]
MADE = [
    *(
        call(operation, [2, 3], dtype=kind)
        for operation in (aten.zeros.default, aten.ones.default)
        for kind in (None, LONG)
    ),
    *(call(operation, X) for operation in (aten.zeros_like.default, aten.ones_like.default)),
    *(call(operation, DOUBLE, [2]) for operation in (aten.new_zeros.default, aten.new_ones.default)),
    call(aten.full.default, [2, 3], 2),
    call(aten.full.default, [], 2.5),
    call(aten.full_like.default, X, 3),
    call(aten.new_full.default, DOUBLE, [2], 1),
    call(aten.scalar_tensor.default, 2.5),
    call(aten.scalar_tensor.default, 2, dtype=torch.float64),
    call(aten.arange.default, 5),
    call(aten.arange.start, 2, 5, dtype=torch.float32),
    call(aten.arange.start_step, 1.0, -1.0, -0.3),
    call(aten.eye.default, 3),
    call(aten.eye.m, 2, 3),
]
EMPTY = [
    call(aten.empty.memory_format, [2, 3]),
    call(aten.empty_like.default, X),
    call(aten.empty_strided.default, [2, 3], [3, 1]),
    call(aten.new_empty.default, DOUBLE, [2]),
    call(aten.new_empty_strided.default, X, [2, 3], [3, 1]),
]
PLACES = [
    *(call(operation, CUBE, [None, ROWS]) for operation in (aten.index.Tensor, aten._unsafe_index.Tensor)),
    call(aten.index.Tensor, CUBE, [ROWS[:2, None] % 2, None, ROWS]),
    call(aten.index.Tensor, CUBE, [ROWS[:2] % 2, ROWS[:2]]),
    *(
        call(operation, X, [ROWS], real(4, 4), add)
        for operation in (aten.index_put.default, aten._unsafe_index_put.default)
        for add in (True,)
    ),
    call(aten.index_put.default, X, [ROWS[1:]], real(4)),
    call(aten.index_put.default, CUBE, [None, ROWS, torch.tensor([0, 1, 2, 3])], torch.tensor(1.5), True),
    call(aten.index_put.default, BIG, [None, ROWS[1:]], real(600, 3), True),
    call(aten.index_put.default, BIG, [ROWS[1:]], real(3, 300)),
    call(aten.index_put.default, X, [torch.tensor([], dtype=LONG)], real(0, 4)),
    call(aten.index_select.default, CUBE, -2, ROWS.abs()),
    call(aten.index_select.default, SCALAR, 0, torch.tensor([0])),
    call(aten.index_add.default, CUBE, -2, ROWS.abs(), real(2, 4, 4), alpha=2),
    call(aten.gather.default, CUBE, 1, torch.tensor([[[2, 0], [1, 1]]])),
    call(aten.gather.default, X, -1, torch.tensor([[0, 3, 3, 1, 0]])),
    call(aten.gather.default, SCALAR, 0, torch.tensor(0)),
    call(aten.scatter.src, CUBE, 1, torch.tensor([[[2, 0], [1, 1]]]), CUBE * 2),
    call(aten.scatter.value, X, -1, torch.tensor([[0], [3]]), 2.5),
    call(aten.scatter.value, SCALAR, 0, torch.tensor(0), 2.5),
    call(aten.scatter_add.default, X, 0, torch.tensor([[0, 2, 0, 1], [0, 2, 1, 1]]), real(3, 4)),
    call(aten.embedding.default, X, torch.tensor([[0, 2], [1, 1]])),
    call(aten.select_scatter.default, CUBE, real(2, 4), 1, -1),
    *(call(aten.slice_scatter.default, CUBE, real(2, 3, 2), 2, *where) for where in ((-2, 99), (0, 4, 2), (1, 3))),
    call(aten.slice_scatter.default, CUBE, real(2, 3, 4), 2),
    *(
        call(aten.slice_backward.default, real(2, 2), [2, 5], 1, *where)
        for where in ((1, -2, 1), (0, 99, 3), (-2, 5, 1))
    ),
    call(aten.slice_backward.default, real(2, 0), [2, 5], 1, 3, 3, 1),
    call(aten.select_backward.default, real(2, 4), [2, 3, 4], -2, -1),
    *(call(operation, X, [2, 2], [4, 2], 1) for operation in (aten.as_strided.default, aten.as_strided_copy.default)),
    call(aten.as_strided_scatter.default, X, real(3), [3], [5]),
]
MASKED = [
    call(aten.index.Tensor, CUBE, [None, truth(3)]),
    call(aten.index.Tensor, CUBE, [truth(2, 3)]),
    call(aten.index_put.default, X, [MASK], real(int(MASK.sum()))),
    call(aten.index_put.default, X, [MASK], torch.tensor(2.0), True),
    call(aten.masked_select.default, X, truth(4)),
    call(aten.masked_select.default, SCALAR, torch.tensor(True)),
]
FILLED = [
    *(
        call(aten.index_put.default, CUBE, [truth(2, 3)], torch.tensor(value), add)
        for value in (2.0, [3.0])
        for add in (False, True)
    ),
]
GRADIENTS = [
    call(aten.sigmoid_backward.default, X, inner(3, 4)),
    call(aten.tanh_backward.default, X, inner(3, 4)),
    call(aten.threshold_backward.default, Y, X, 0.5),
    *(call(aten.softplus.default, 9 * X, *how) for how in ((), (2, 3))),
    *(call(aten.softplus_backward.default, Y, 9 * X, *how) for how in ((1, 20), (2.5, 3))),
    call(aten.log_sigmoid_backward.default, Y, 9 * X, torch.exp(-(9 * X).abs())),
    call(aten._softmax_backward_data.default, X, torch.softmax(Y, -1), -1, torch.float32),
    call(aten._log_softmax_backward_data.default, X, torch.log_softmax(Y, 0), 0, torch.float32),
]
LOG_SIGMOID: Call = call(aten.log_sigmoid_forward.default, 9 * X)
