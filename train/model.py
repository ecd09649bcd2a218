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
    layers: int = 6
    heads: int = 6
    kv_heads: int = 3
    head: int = 32
    hidden: int = 512
    context: int = 1024
    rope: float = 10000.0
    epsilon: float = 1e-6


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
        self.q = nn.Linear(s.width, s.heads * s.head, bias=False)
        self.k = nn.Linear(s.width, s.kv_heads * s.head, bias=False)
        self.v = nn.Linear(s.width, s.kv_heads * s.head, bias=False)
        self.o = nn.Linear(s.heads * s.head, s.width, bias=False)
        self.gate = nn.Linear(s.width, s.hidden, bias=False)
        self.up = nn.Linear(s.width, s.hidden, bias=False)
        self.down = nn.Linear(s.hidden, s.width, bias=False)

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
        scores = torch.baddbmm(mask, q, k.transpose(1, 2))
        h = torch.bmm(torch.softmax(scores, -1), v)
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
        return hidden @ self.embedding.weight.T
