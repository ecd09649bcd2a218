"""Trains the model in the box. See README.md for the recipe.

    python3 train.py --run DIR --steps N [--seed S] [--resume]

DIR gets tokenizer.json, state.pt (everything needed to go on), model.gguf and
log.txt. A process that is stopped or killed goes on with --resume where the last
state was written.
"""
import argparse
import json
import os
import random
import time

import numpy as np
import torch
import torch.nn.functional as F

import corpus
import gguf
import optimiser
import together
from model import Model, Shape, grown
from tokenizer import Tokenizer, train as train_tokenizer

VOCABULARY = 1536
MUON, ADAM = 0.02, 0.006
ASKED = 0.15  # of the loss: tokens of users, so that it tells what is asked from what never is
REST = 0.01  # and all else that the assistant does not say
RANDOM = {"invented", "tool", "restate"}  # what users say here is made of any words: nothing to learn
LONGEST = 768


def tokenizer_of(folder, seed):
    path = os.path.join(folder, "tokenizer.json")
    if not os.path.exists(path):
        source = corpus.Corpus(seed=seed + 1)
        texts = [part for _ in range(30000) for _, part in source.next()[1]]
        with open(path, "w") as f:
            json.dump(train_tokenizer(texts, VOCABULARY), f)
    return Tokenizer.load(path)


def encode(tokenizer, turns):
    """A conversation as tokens, and for each who says it: 1 is the assistant, 2 a
    user, 0 anybody else."""
    tokens, said = [], []
    for role, text in turns:
        head = [tokenizer.start] + tokenizer.encode(role + "\n")
        body = tokenizer.encode(text) + [tokenizer.stop]
        tokens += head + body
        said += [0] * len(head) + [{"assistant": 1, "user": 2}.get(role, 0)] * len(body)
        tokens += tokenizer.encode("\n")
        said += [0] * (len(tokens) - len(said))
    return tokens, said


class Batches:
    """Batches of conversations of like length, in an order that the seed decides.
    Each conversation is a row of its own, from position 0."""

    def __init__(self, tokenizer, seed, size):
        self.tokenizer, self.size = tokenizer, size
        self.corpus, self.random = corpus.Corpus(seed=seed), random.Random(seed)
        self.ready = []

    def fill(self):
        pool = []
        while len(pool) < 1024:
            kind, turns = self.corpus.next()
            tokens, said = encode(self.tokenizer, turns)
            if kind in RANDOM:
                said = [s % 2 for s in said]
            if len(tokens) <= LONGEST:
                pool.append((tokens, said))
        pool.sort(key=lambda c: len(c[0]))
        rows, longest = [], 0
        for c in pool:
            if rows and (len(rows) + 1) * len(c[0]) > self.size:
                self.ready.append(rows)
                rows = []
            rows.append(c)
        self.random.shuffle(self.ready)  # the last, partial batch is left out

    def next(self):
        if not self.ready:
            self.fill()
        rows = self.ready.pop()
        length = max(len(t) for t, _ in rows)
        x = np.zeros((len(rows), length), dtype=np.int64)
        said = np.full((len(rows), length), -1, dtype=np.int64)
        for i, (t, s) in enumerate(rows):
            x[i, : len(t)] = t
            said[i, : len(t)] = s
        return torch.from_numpy(x), torch.from_numpy(said)


def loss_of(model, x, said, generator):
    """Mean loss of the assistant's tokens, and a part of the others'. Of those a fifth
    is looked at, by chance, and half of the users': the logits are what costs."""
    hidden = model(x)[:, :-1]
    target, said = x[:, 1:], said[:, 1:]
    chance = torch.rand(said.shape, generator=generator)
    chosen = (said == 1) | ((said == 0) & (chance < 0.2)) | ((said == 2) & (chance < 0.5))
    loss = F.cross_entropy(model.logits(hidden[chosen]), target[chosen], reduction="none")
    who = said[chosen]
    # Where few tokens are of a kind, they count as few.
    answer, asked, rest = (loss[who == w].sum() / max(200, int((who == w).sum())) for w in (1, 2, 0))
    return answer + ASKED * asked + REST * rest, answer, asked


def rate(step, steps):
    """Warms up over 60 steps, holds, and falls linearly over the last half."""
    return min(1.0, (step + 1) / 60, 0.02 + 2 * max(0, steps - step) / steps)


def save(path, state):
    torch.save(state, path + ".new")
    os.replace(path + ".new", path)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--run", required=True, help="folder of this run")
    p.add_argument("--steps", type=int, required=True, help="steps of this stage in all")
    p.add_argument("--batch", type=int, default=4096, help="tokens of a step")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--resume", action="store_true", help="go on where the run was stopped")
    p.add_argument("--start", help="state.pt of an earlier stage to begin with")
    p.add_argument("--rate", type=float, default=1.0, help="factor of both learning rates")
    p.add_argument("--lead", action="store_true", help="take a follower's steps in, of a second process")
    p.add_argument("--follow", help="folder of the run that this process helps, and that has begun")
    a = p.parse_args()
    torch.set_num_threads(1)
    os.makedirs(a.run, exist_ok=True)
    tokenizer = tokenizer_of(a.follow or a.run, a.seed)
    torch.manual_seed(a.seed)
    model = Model(Shape(vocab=len(tokenizer.tokens)))
    opts = optimiser.optimisers(model, MUON * a.rate, ADAM * a.rate)
    base = [g["lr"] for o in opts for g in o.param_groups]
    path, first, seen = os.path.join(a.run, "state.pt"), 0, 0
    if a.resume or a.start:
        state = torch.load(path if a.resume else a.start)
        weights = grown(state["model"], model.shape.layers)
        model.load_state_dict(weights)
        if len(weights) == len(state["model"]):
            for o, s in zip(opts, state["optimisers"]):
                o.load_state_dict(s)
        seen = state["tokens"]
        first = state["step"] if a.resume else 0
    # A run that goes on draws conversations that it has not seen.
    batches = Batches(tokenizer, a.seed * 1_000_003 + first, a.batch)
    generator = torch.Generator().manual_seed(a.seed + first)
    log = open(os.path.join(a.run, "log.txt"), "a", buffering=1)
    print(f"{sum(p.numel() for p in model.parameters())} parameters, from step {first}", file=log)
    leader, follower = together.Leader(a.run) if a.lead else None, together.Follower(a.follow) if a.follow else None
    if leader:
        leader.give(model, first)
    began, saved, mean = time.process_time(), time.time(), None
    step = follower.start(model) if follower else first
    while step < a.steps:
        x, said = batches.next()
        groups = [g for o in opts for g in o.param_groups]
        for g, lr in zip(groups, base):
            g["lr"] = lr * rate(step, a.steps)
        loss, answer, asked = loss_of(model, x, said, generator)
        for o in opts:
            o.zero_grad(set_to_none=True)
        loss.backward()
        for o in opts:
            o.step()
        tokens = int((said >= 0).sum())
        seen += tokens
        if leader:
            seen += leader.step(model, step)
        mean = answer.item() if mean is None else 0.95 * mean + 0.05 * answer.item()
        if step % 20 == 0:
            print(f"step {step} tokens {seen} loss {mean:.4f} asked {asked.item():.2f} cpu {time.process_time() - began:.0f}s {time.strftime('%H:%M:%S')}", file=log)
        if follower:
            step = follower.step(model, tokens)
            continue
        if time.time() - saved > 60 or step + 1 == a.steps:
            save(path, {"model": model.state_dict(), "optimisers": [o.state_dict() for o in opts], "step": step + 1, "tokens": seen})
            gguf.write(os.path.join(a.run, "model.gguf"), model, tokenizer)
            saved = time.time()
        step += 1


if __name__ == "__main__":
    main()
