"""Triton kernels of the forced recurrences: the loop over time runs inside the kernel, so a whole window costs two
launches instead of hundreds.

One program owns one tile of the batch of one member and keeps its state (or its gradient) and the member's weights in
registers over all steps. Only weight gradients are left to the caller: they are matrix products over time and batch.

Rules that the interpreter does not enforce and a GPU does:

* What one thread writes to global memory another thread of the program may read only after a barrier. Here nothing is
  read back: the carried state stays in registers, and forwards and backwards are two launches.
* Member offsets are 64-bit (members x steps x batch x states passes 2^31 for large fleets); offsets inside a tile and
  the steps of pointers along time are 32-bit.
* `tl.dot` rounds float32 to TF32 unless told not to, takes no inner dimension below 16 and, in older releases, no
  float64: small sizes and double precision multiply and sum instead. The sum runs over the middle axis, so that most of
  the reduction stays within a thread. Its factors stand in this order because Triton 3.6 rewrites the other one,
  `sum(x[:, :, None] * w[None, :, :], 1)`, into a `tl.dot` in TF32. A test looks at the compiled code.
* Rows of data that the next step needs are loaded before this step's matrix product, to hide memory latency.
* `where(z <= 0, 0, z)` is a ReLU that keeps NaN; `maximum` would turn a diverged state into a finite one.
* STEPS and HIDDEN are constants of the compiled kernel (a new value compiles once more, a second or two) because
  interpreters before Triton 3.9 cannot loop to an argument under NumPy 2.4. Loops are not unrolled.

No `from __future__ import annotations` here: the interpreter compares annotations with `tl.constexpr` itself.
"""

# mypy: allow-incomplete-defs

import triton
import triton.language as tl


@triton.jit
def _product(x, w, DOT: tl.constexpr):
    """x (rows, inner) @ w (inner, columns) in the full precision of the inputs; see above for the order of factors."""
    if DOT:
        y = tl.dot(x, w, input_precision="ieee")
    else:
        y = tl.sum(w[None, :, :] * x[:, :, None], axis=1)
    return y


@triton.jit
def _matrix(start, row, rows, column, columns, row_stride, column_stride):
    """Elements (row, column) of a matrix, zero beyond its size."""
    inside = (row < rows)[:, None] & (column < columns)[None, :]
    return tl.load(start + row[:, None] * row_stride + column[None, :] * column_stride, mask=inside, other=0.0)


@triton.jit
def _pull(z, signal, alpha, is_forced):
    """The forced coordinates moved to the signal by the fraction alpha; exact at 0 and at 1."""
    forced = tl.where(alpha < 0.5, z + alpha * (signal - z), signal - (1 - alpha) * (signal - z))
    return tl.where(is_forced, forced, z)


@triton.jit
def _relu(x):
    return tl.where(x <= 0, 0.0, x)


@triton.jit
def _hidden(u, bias, CLIPPED: tl.constexpr):
    r = _relu(u + bias)
    if CLIPPED:
        r = r - _relu(u)
    return r


@triton.jit
def _slope(g, u, bias, CLIPPED: tl.constexpr):
    """Gradient g at the hidden units taken to their input u."""
    gated = tl.where(u + bias > 0, g, 0.0)
    if CLIPPED:
        gated = gated - tl.where(u > 0, g, 0.0)
    return gated


@triton.jit
def alrnn_forward(
    A_ptr, W_ptr, h_ptr, z_in, z_out, signal, strengths,
    batch, states, linear, forced, member_stride, in_k, in_t, out_k, out_t,
    signal_t, signal_k, signal_b, signal_n, strengths_t, strengths_k,
    STEPS: tl.constexpr, TILE: tl.constexpr, STATES: tl.constexpr, DOT: tl.constexpr,
):  # fmt: skip
    """z' = A z + W phi(z) + h from z_in[0]; fills z_out and the forced states z_in[1:]."""
    tiles = tl.cdiv(batch, TILE)
    k = (tl.program_id(0) // tiles).to(tl.int64)
    b = (tl.program_id(0) % tiles) * TILE + tl.arange(0, TILE)
    m = tl.arange(0, STATES)
    inside = (b < batch)[:, None] & (m < states)[None, :]
    is_forced = (m < forced)[None, :]
    here = b[:, None] * states + m[None, :]
    z_in += k * in_k + here
    z_out += k * out_k + here
    signal += k * signal_k + b[:, None] * signal_b + m[None, :] * signal_n
    strengths += k * strengths_k

    A = tl.load(A_ptr + k * member_stride + m, mask=m < states, other=0.0)[None, :]
    h = tl.load(h_ptr + k * member_stride + m, mask=m < states, other=0.0)[None, :]
    W_transposed = _matrix(W_ptr + k * member_stride, m, states, m, states, 1, states)
    rectified = (m >= linear)[None, :]
    z = tl.load(z_in, mask=inside, other=0.0)
    for _ in range(STEPS):
        tl.store(z_in, z, mask=inside)  # at the first step it writes what it has read
        signal += signal_t
        target = tl.load(signal, mask=inside & is_forced, other=0.0)
        alpha = tl.load(strengths)
        phi = tl.where(rectified & (z <= 0), 0.0, z)
        z = A * z + h + _product(phi, W_transposed, DOT)
        tl.store(z_out, z, mask=inside)
        z = _pull(z, target, alpha, is_forced)
        z_in += in_t
        z_out += out_t
        strengths += strengths_t


@triton.jit
def alrnn_backward(
    A_ptr, W_ptr, z_in, error, delta, carry_out, strengths,
    batch, states, linear, forced, member_stride, in_k, in_t, error_k, error_t,
    strengths_t, strengths_k,
    STEPS: tl.constexpr, TILE: tl.constexpr, STATES: tl.constexpr, DOT: tl.constexpr,
):  # fmt: skip
    """delta[t] = error[t] + what comes back through the forced state t; carry_out is the gradient at z_in[0]."""
    tiles = tl.cdiv(batch, TILE)
    k = (tl.program_id(0) // tiles).to(tl.int64)
    b = (tl.program_id(0) % tiles) * TILE + tl.arange(0, TILE)
    m = tl.arange(0, STATES)
    inside = (b < batch)[:, None] & (m < states)[None, :]
    is_forced = (m < forced)[None, :]
    here = b[:, None] * states + m[None, :]
    last = k * 0 + STEPS - 1  # 64-bit, like k
    z_in += k * in_k + last * in_t + here
    delta += k * in_k + last * in_t + here
    error += k * error_k + last * error_t + here
    strengths += k * strengths_k + last * strengths_t

    A = tl.load(A_ptr + k * member_stride + m, mask=m < states, other=0.0)[None, :]
    W = _matrix(W_ptr + k * member_stride, m, states, m, states, states, 1)
    rectified = (m >= linear)[None, :]
    own = tl.load(error, mask=inside, other=0.0)
    final = tl.full((TILE, 1), STEPS - 1, tl.int32)  # a block, because interpreters differ on masks made of scalars
    carry = tl.zeros_like(own)
    for i in range(STEPS):
        alpha = tl.load(strengths)
        z = tl.load(z_in, mask=inside, other=0.0)
        d = own + tl.where(is_forced, (1 - alpha) * carry, carry)
        tl.store(delta, d, mask=inside)
        z_in -= in_t
        delta -= in_t
        error -= error_t
        strengths -= strengths_t
        own = tl.load(error, mask=inside & (i < final), other=0.0)
        carry = A * d + tl.where(rectified & (z <= 0), 0.0, _product(d, W, DOT))
    tl.store(carry_out + k * batch * states + here, carry, mask=inside)


@triton.jit
def shallow_forward(
    A_ptr, W1_ptr, W2_ptr, h1_ptr, h2_ptr, z_in, z_out, signal, strengths,
    batch, states, forced, member_stride, in_k, in_t, out_k, out_t,
    signal_t, signal_k, signal_b, signal_n, strengths_t, strengths_k,
    STEPS: tl.constexpr, HIDDEN: tl.constexpr, TILE: tl.constexpr, STATES: tl.constexpr, BLOCK: tl.constexpr,
    RESIDENT: tl.constexpr, CLIPPED: tl.constexpr, DOT: tl.constexpr,
):  # fmt: skip
    """z' = A z + W1 r(W2 z) + h1 from z_in[0]; fills z_out and the forced states z_in[1:].

    RESIDENT: one block of BLOCK units is all of them and its weights stay in registers; otherwise the blocks are read
    from cache at every step.
    """
    tiles = tl.cdiv(batch, TILE)
    k = (tl.program_id(0) // tiles).to(tl.int64)
    b = (tl.program_id(0) % tiles) * TILE + tl.arange(0, TILE)
    m = tl.arange(0, STATES)
    l = tl.arange(0, BLOCK)  # noqa: E741
    inside = (b < batch)[:, None] & (m < states)[None, :]
    is_forced = (m < forced)[None, :]
    here = b[:, None] * states + m[None, :]
    z_in += k * in_k + here
    z_out += k * out_k + here
    signal += k * signal_k + b[:, None] * signal_b + m[None, :] * signal_n
    strengths += k * strengths_k
    W1_ptr += k * member_stride
    W2_ptr += k * member_stride
    h2_ptr += k * member_stride

    A = tl.load(A_ptr + k * member_stride + m, mask=m < states, other=0.0)[None, :]
    h1 = tl.load(h1_ptr + k * member_stride + m, mask=m < states, other=0.0)[None, :]
    if RESIDENT:
        W2_transposed = _matrix(W2_ptr, m, states, l, HIDDEN, 1, states)
        W1_transposed = _matrix(W1_ptr, l, HIDDEN, m, states, 1, HIDDEN)
        h2 = tl.load(h2_ptr + l, mask=l < HIDDEN, other=0.0)[None, :]
    z = tl.load(z_in, mask=inside, other=0.0)
    for _ in range(STEPS):
        tl.store(z_in, z, mask=inside)  # at the first step it writes what it has read
        signal += signal_t
        target = tl.load(signal, mask=inside & is_forced, other=0.0)
        alpha = tl.load(strengths)
        after = A * z + h1
        if RESIDENT:
            r = _hidden(_product(z, W2_transposed, DOT), h2, CLIPPED)
            after += _product(r, W1_transposed, DOT)
        else:
            for first in range(0, HIDDEN, BLOCK):
                unit = first + l
                W2_block = _matrix(W2_ptr, m, states, unit, HIDDEN, 1, states)
                W1_block = _matrix(W1_ptr, unit, HIDDEN, m, states, 1, HIDDEN)
                bias = tl.load(h2_ptr + unit, mask=unit < HIDDEN, other=0.0)[None, :]
                after += _product(_hidden(_product(z, W2_block, DOT), bias, CLIPPED), W1_block, DOT)
        tl.store(z_out, after, mask=inside)
        z = _pull(after, target, alpha, is_forced)
        z_in += in_t
        z_out += out_t
        strengths += strengths_t


@triton.jit
def shallow_backward(
    A_ptr, W1_ptr, W2_ptr, h2_ptr, z_in, error, delta, carry_out, strengths,
    batch, states, forced, member_stride, in_k, in_t, error_k, error_t,
    strengths_t, strengths_k,
    STEPS: tl.constexpr, HIDDEN: tl.constexpr, TILE: tl.constexpr, STATES: tl.constexpr, BLOCK: tl.constexpr,
    RESIDENT: tl.constexpr, CLIPPED: tl.constexpr, DOT: tl.constexpr,
):  # fmt: skip
    """delta[t] = error[t] + what comes back through the forced state t; carry_out is the gradient at z_in[0].

    The inputs of the hidden units are computed again: cheaper than storing and reading HIDDEN x batch numbers a step.
    """
    tiles = tl.cdiv(batch, TILE)
    k = (tl.program_id(0) // tiles).to(tl.int64)
    b = (tl.program_id(0) % tiles) * TILE + tl.arange(0, TILE)
    m = tl.arange(0, STATES)
    l = tl.arange(0, BLOCK)  # noqa: E741
    inside = (b < batch)[:, None] & (m < states)[None, :]
    is_forced = (m < forced)[None, :]
    here = b[:, None] * states + m[None, :]
    last = k * 0 + STEPS - 1  # 64-bit, like k
    z_in += k * in_k + last * in_t + here
    delta += k * in_k + last * in_t + here
    error += k * error_k + last * error_t + here
    strengths += k * strengths_k + last * strengths_t
    W1_ptr += k * member_stride
    W2_ptr += k * member_stride
    h2_ptr += k * member_stride

    A = tl.load(A_ptr + k * member_stride + m, mask=m < states, other=0.0)[None, :]
    if RESIDENT:
        W2_transposed = _matrix(W2_ptr, m, states, l, HIDDEN, 1, states)
        W2 = _matrix(W2_ptr, l, HIDDEN, m, states, states, 1)
        W1 = _matrix(W1_ptr, m, states, l, HIDDEN, HIDDEN, 1)
        h2 = tl.load(h2_ptr + l, mask=l < HIDDEN, other=0.0)[None, :]
    own = tl.load(error, mask=inside, other=0.0)
    final = tl.full((TILE, 1), STEPS - 1, tl.int32)  # a block, because interpreters differ on masks made of scalars
    carry = tl.zeros_like(own)
    for i in range(STEPS):
        alpha = tl.load(strengths)
        z = tl.load(z_in, mask=inside, other=0.0)
        d = own + tl.where(is_forced, (1 - alpha) * carry, carry)
        tl.store(delta, d, mask=inside)
        z_in -= in_t
        delta -= in_t
        error -= error_t
        strengths -= strengths_t
        own = tl.load(error, mask=inside & (i < final), other=0.0)
        carry = A * d
        if RESIDENT:
            g = _slope(_product(d, W1, DOT), _product(z, W2_transposed, DOT), h2, CLIPPED)
            carry += _product(g, W2, DOT)
        else:
            for first in range(0, HIDDEN, BLOCK):
                unit = first + l
                W2_turned = _matrix(W2_ptr, m, states, unit, HIDDEN, 1, states)
                W2_block = _matrix(W2_ptr, unit, HIDDEN, m, states, states, 1)
                W1_block = _matrix(W1_ptr, m, states, unit, HIDDEN, HIDDEN, 1)
                bias = tl.load(h2_ptr + unit, mask=unit < HIDDEN, other=0.0)[None, :]
                slope = _slope(_product(d, W1_block, DOT), _product(z, W2_turned, DOT), bias, CLIPPED)
                carry += _product(slope, W2_block, DOT)
    tl.store(carry_out + k * batch * states + here, carry, mask=inside)
