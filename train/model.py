"""A Qwen3 model, small enough to be trained on one core of a CPU."""
import math
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Shape:
    vocab: int
    width: int = 192
    layers: int = 8
    heads: int = 6
    kv_heads: int = 3
    head: int = 32
    hidden: int = 512
    context: int = 1024
    rope: float = 10000.0
    epsilon: float = 1e-6


def grown(weights, layers):
    """The weights of a model with more layers that computes what one of these weights
    does: what is new is a copy of the layer before, and adds nothing yet."""
    had = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blocks."))
    out = {name: w for name, w in weights.items() if not name.startswith("blocks.")}
    for i in range(layers):
        old = i * had // layers
        new = i > 0 and old == (i - 1) * had // layers
        for name, w in weights.items():
            if name.startswith(f"blocks.{old}."):
                adds = name.endswith(("o.weight", "down.weight"))
                out[name.replace(f"blocks.{old}.", f"blocks.{i}.", 1)] = torch.zeros_like(w) if new and adds else w.clone()
    return out


class Product(torch.autograd.Function):
    """x @ w.T with both rounded to bfloat16 and summed in float32: twice as fast on a
    CPU that has instructions for it, and as good to learn with."""

    @staticmethod
    def forward(ctx, x, w):
        x, w = x.bfloat16(), w.bfloat16()
        ctx.save_for_backward(x, w)
        return (x.view(-1, x.shape[-1]) @ w.T).float().view(*x.shape[:-1], w.shape[0])

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        shape, g = x.shape, g.reshape(-1, g.shape[-1]).bfloat16()
        return (g @ w).float().view(shape), (g.T @ x.view(-1, shape[-1])).float()


class Attention(torch.autograd.Function):
    """softmax(q k' + mask) v, the products rounded as those above."""

    @staticmethod
    def forward(ctx, q, k, v, mask):
        q, k, v = q.bfloat16(), k.bfloat16(), v.bfloat16()
        p = torch.softmax(torch.bmm(q, k.transpose(1, 2)).float().add_(mask), -1)
        h = torch.bmm(p.bfloat16(), v).float()
        ctx.save_for_backward(q, k, v, p, h)
        return h

    @staticmethod
    def backward(ctx, g):
        q, k, v, p, h = ctx.saved_tensors
        shift = (g * h).sum(-1, keepdim=True)
        g = g.bfloat16()
        s = torch.bmm(g, v.transpose(1, 2)).float().sub_(shift).mul_(p).bfloat16()
        return torch.bmm(s, k).float(), torch.bmm(s.transpose(1, 2), q).float(), torch.bmm(p.bfloat16().transpose(1, 2), g).float(), None


class Linear(nn.Linear):
    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs, bias=False)

    def forward(self, x):
        return Product.apply(x, self.weight)


class Norm(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.weight, self.epsilon = nn.Parameter(torch.ones(width)), epsilon

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.epsilon) * self.weight


def turn(x, cos, sin):
    """Rotary positions, the halves of a head as pairs (NeoX order)."""
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Block(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        self.attn_norm, self.ffn_norm = Norm(s.width, s.epsilon), Norm(s.width, s.epsilon)
        self.q_norm, self.k_norm = Norm(s.head, s.epsilon), Norm(s.head, s.epsilon)
        self.q = Linear(s.width, s.heads * s.head)
        self.k = Linear(s.width, s.kv_heads * s.head)
        self.v = Linear(s.width, s.kv_heads * s.head)
        self.o = Linear(s.heads * s.head, s.width)
        self.gate = Linear(s.width, s.hidden)
        self.up = Linear(s.width, s.hidden)
        self.down = Linear(s.hidden, s.width)

    def forward(self, x, cos, sin, mask):
        s, (rows, length, _) = self.s, x.shape
        h = self.attn_norm(x)
        q = turn(self.q_norm(self.q(h).view(rows, length, s.heads, s.head)).transpose(1, 2), cos, sin)
        k = turn(self.k_norm(self.k(h).view(rows, length, s.kv_heads, s.head)).transpose(1, 2), cos, sin)
        v = self.v(h).view(rows, length, s.kv_heads, s.head).transpose(1, 2)
        # The query heads of a group stand below each other: one product serves them all.
        group = s.heads // s.kv_heads
        q = (q * (s.head**-0.5)).reshape(rows * s.kv_heads, group * length, s.head)
        k, v = k.reshape(rows * s.kv_heads, length, s.head), v.reshape(rows * s.kv_heads, length, s.head)
        h = Attention.apply(q, k, v, mask)
        h = h.view(rows, s.heads, length, s.head).transpose(1, 2).reshape(rows, length, -1)
        x = x + self.o(h)
        h = self.ffn_norm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Model(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocab, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.width, shape.epsilon)
        nn.init.normal_(self.embedding.weight, std=0.02)
        for block in self.blocks:
            for name, p in block.named_parameters():
                if p.dim() == 2:
                    nn.init.normal_(p, std=1 / math.sqrt(p.shape[1]))
            for p in (block.o.weight, block.down.weight):
                nn.init.zeros_(p)
        angles = torch.arange(shape.context)[:, None] * shape.rope ** (-torch.arange(0, shape.head, 2) / shape.head)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, tokens):
        """tokens (rows, length) -> hidden states (rows, length, width), normalised."""
        length = tokens.shape[1]
        mask = torch.full((length, length), float("-inf")).triu(1)
        mask = mask.repeat(self.shape.heads // self.shape.kv_heads, 1)
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, self.cos[:length], self.sin[:length], mask)
        return self.norm(x)

    def logits(self, hidden):
        return Product.apply(hidden, self.embedding.weight)
