"""An encoder's three blocks as one differentiable step, for the CPU.

Written plainly (`offline.models.method_networks.Encoder`), each block of convolution, dropout, InstanceNorm and
LeakyReLU makes a new array of the batch's size for each of the four, forwards and backwards; the first is 67 MB at the
published sizes, and on a CPU getting such memory costs as much as the arithmetic in it. Here each convolution's output
is dropped, normalised and rectified where it lies, slab by slab of a size that stays in the cache, and the backward
pass needs no other array than that output, since a LeakyReLU can be undone. Values agree with the plain form to
rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

EPS = 1e-5  # InstanceNorm's, as in torch
SLAB_VALUES = 1 << 20  # 4 MB of float32: some slabs of it fit any L3 cache of today
PART = 128  # samples encoded at once
FEW_TAPS = 128  # F·9 up to which the first convolution is one matrix product: there oneDNN takes twice as long
_CHANCES = 1 << 16


@dataclass(frozen=True)
class Block:
    """One block's settings: what chance a value has of being dropped, whether InstanceNorm follows, the slope."""

    dropout: float
    norm: bool
    slope: float


def draw_words(shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
    """16 random bits for each value, as int16: what dropout decides by.

    torch draws 64 bits for each value, which takes as long as half a convolution.
    """
    n = int(np.prod(shape))
    return torch.from_numpy(rng.integers(0, 1 << 64, -(-n // 4), dtype=np.uint64).view(np.int16)[:n]).view(shape)


def keep(words: Tensor, dropout: float, out: Tensor) -> Tensor:
    """Write into `out` (float32) 1 where dropout leaves a value, else 0; it leaves 1 - `dropout`, to 1/65536.

    Not bool, which torch multiplies floats by eleven times slower.
    """
    return torch.ge(words, round(dropout * _CHANCES) - _CHANCES // 2, out=out)


def encode(
    maps: Tensor, weights: list[tuple[Tensor, Tensor]], blocks: tuple[Block, ...], rng: np.random.Generator | None
) -> Tensor:
    """Maps (N, F, H, W) → latents (N, C, h, w), both channels last in memory.

    Parameters
    ----------
    weights
        Of each block's convolution (3×3, stride 2, pad 1): (O, I, 3, 3) and (O,).
    rng
        Source of dropout; None for none (evaluation).
    """
    flat = [part for pair in weights for part in pair]
    # In parts, since blocks of memory above 32 MB are given back and cleared anew each time.
    parts = [_Encode.apply(part, blocks, rng, *flat) for part in maps.split(PART)]  # type: ignore[no-untyped-call]
    found: Tensor = parts[0] if len(parts) == 1 else torch.cat(parts)
    return found


class _Encode(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, blocks: tuple[Block, ...], rng: np.random.Generator | None, *flat: Tensor
    ) -> Tensor:
        here = maps.contiguous(memory_format=torch.channels_last)
        saved, masks, scales = [here], [], []
        weights = [weight.contiguous(memory_format=torch.channels_last) for weight in flat[::2]]
        few = not ctx.needs_input_grad[0] and flat[0][0].numel() <= FEW_TAPS
        ctx.columns = None
        for block, weight, bias in zip(blocks, weights, flat[1::2], strict=True):
            if few and ctx.columns is None:
                ctx.columns = _columns(maps)
                here = _from_columns(ctx.columns, flat[0], bias, maps)
            else:
                here = F.conv2d(here, weight, bias, stride=2, padding=1)
                here = here.contiguous(memory_format=torch.channels_last)
            cells = _cells(here)
            words = draw_words(tuple(cells.shape), rng) if rng is not None and block.dropout else None
            scales.append(_finish(cells, words, block))
            saved.append(here)
            masks.append(words)
        ctx.blocks, ctx.masks, ctx.scales = blocks, masks, scales
        ctx.save_for_backward(*saved, *weights)
        return here

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        depth = len(ctx.blocks)
        saved, weights = ctx.saved_tensors[: depth + 1], ctx.saved_tensors[depth + 1 :]
        # A copy, since what follows works in place and the gradient may be someone else's too.
        grad = grads[0].clone(memory_format=torch.channels_last)
        found: list[Tensor | None] = []
        for level in reversed(range(depth)):
            _unfinish(_cells(grad), _cells(saved[level + 1]), ctx.masks[level], ctx.scales[level], ctx.blocks[level])
            if level == 0 and ctx.columns is not None:
                both = grad.permute(0, 2, 3, 1).flatten(0, 2).t() @ ctx.columns
                found = [both[:, :-1].view(weights[0].shape), both[:, -1], *found]
                break
            wanted = [level > 0 or ctx.needs_input_grad[0], True, True]
            bias_size = [weights[level].shape[0]]
            above, weight, bias = torch.ops.aten.convolution_backward(
                grad, saved[level], weights[level], bias_size, [2, 2], [1, 1], [1, 1], False, [0, 0], 1, wanted
            )
            found = [weight, bias, *found]
            if wanted[0]:
                grad = above.contiguous(memory_format=torch.channels_last)
        return grad if ctx.needs_input_grad[0] else None, None, None, *found


def _columns(maps: Tensor) -> Tensor:
    """(N, F, H, W) → (N·h·w, F·9 + 1): what each position of the convolution sees, and 1 for the bias."""
    seen = F.unfold(maps, 3, padding=1, stride=2)
    return F.pad(seen, (0, 0, 0, 1), value=1.0).transpose(1, 2).flatten(0, 1)


def _from_columns(columns: Tensor, weight: Tensor, bias: Tensor, maps: Tensor) -> Tensor:
    """The convolution as one matrix product: (N, O, h, w), channels last."""
    n, _, height, width = maps.shape
    out = columns @ torch.cat([weight.flatten(1), bias[:, None]], 1).t()
    return out.view(n, -(-height // 2), -(-width // 2), -1).permute(0, 3, 1, 2)


def _cells(maps: Tensor) -> Tensor:
    """(N, C, h, w), channels last → a view (N, h·w, C)."""
    return maps.permute(0, 2, 3, 1).flatten(1, 2)


def _slabs(cells: Tensor) -> tuple[list[slice], Tensor]:
    """Parts of the batch that fit the cache, and a scratch array as large as one (N', P, C).

    All slabs share the scratch: a new one for each costs ten times the arithmetic, in page faults.
    """
    step = min(len(cells), max(1, SLAB_VALUES // max(1, cells[0].numel())))
    return [slice(start, start + step) for start in range(0, len(cells), step)], torch.empty_like(cells[:step])


def _finish(cells: Tensor, words: Tensor | None, block: Block) -> Tensor | None:
    """Dropout, norm and LeakyReLU in place; gives 1 / standard deviation (N, 1, C) where there is a norm."""
    left = 1.0 - block.dropout if words is not None else 1.0
    # The norm takes out any common factor, so only eps need see dropout's 1 / left.
    scales = cells.new_empty(len(cells), 1, cells.shape[2]) if block.norm else None
    slabs, scratch = _slabs(cells)
    for slab in slabs:
        here = cells[slab]
        free = scratch[: len(here)]
        if words is not None:
            here.mul_(keep(words[slab], block.dropout, free))
        if scales is not None:
            here.sub_(here.mean(1, keepdim=True))
            spread = torch.mul(here, here, out=free).mean(1, keepdim=True)
            here.mul_(torch.rsqrt(spread.add_(EPS * left * left), out=scales[slab]))
        elif left != 1.0:
            here.mul_(1.0 / left)
        F.leaky_relu_(here, block.slope)
    return scales


def _unfinish(grad: Tensor, made: Tensor, words: Tensor | None, scales: Tensor | None, block: Block) -> None:
    """Turn the gradient of a block's output (N, P, C), in place, into that of its convolution's output."""
    slabs, scratch = _slabs(grad)
    unit = torch.empty_like(scratch)
    for slab in slabs:
        here, out = grad[slab], made[slab]
        free, normed = scratch[: len(here)], unit[: len(here)]
        torch.ops.aten.leaky_relu_backward.grad_input(here, out, block.slope, True, grad_input=here)
        if scales is not None:
            torch.ops.aten.leaky_relu.out(out, 1.0 / block.slope, out=normed)
            along = torch.mul(here, normed, out=free).mean(1, keepdim=True)
            here.sub_(here.mean(1, keepdim=True)).sub_(normed.mul_(along)).mul_(scales[slab])
        elif words is not None:
            here.mul_(1.0 / (1.0 - block.dropout))
        if words is not None:
            here.mul_(keep(words[slab], block.dropout, free))
