"""Two processes train one model: each goes its own steps, and after every so many
their weights are averaged, by the steps that each has made (McMahan et al. 2017,
"Communication-efficient learning of deep networks from decentralized data").

The leader asks, the follower gives its weights as soon as its step has ended, the
leader averages and gives back. They speak through files in the leader's folder. A
follower that is slow or gone costs the leader some seconds and no more.
"""
import os
import time

import torch

EVERY = 200  # steps of the leader between two averages
PATIENCE = 10  # seconds in which the follower must answer


def put(path, value):
    torch.save(value, path + ".new")
    os.replace(path + ".new", path)


def take(path):
    """What another has put there, once; None when there is nothing."""
    try:
        value = torch.load(path)
    except FileNotFoundError:
        return None
    os.remove(path)
    return value


class Leader:
    def __init__(self, folder):
        self.asked, self.given, self.mean = (os.path.join(folder, n) for n in ("asked.pt", "given.pt", "mean.pt"))
        self.own, self.round = 0, time.time_ns()  # other than that of any leader before

    def give(self, model, step):
        """The weights, to a follower, and which step is the next."""
        self.own, self.round = 0, self.round + 1
        put(self.mean, {"model": model.state_dict(), "round": self.round, "step": step})

    def step(self, model, step):
        """After each step. How many tokens the follower has seen since the last average."""
        self.own += 1
        if self.own < EVERY:
            return 0
        took = 0
        take(self.given)
        put(self.asked, self.round)
        end, given = time.time() + PATIENCE, None
        while given is None and time.time() < end:
            time.sleep(0.02)
            given = take(self.given)
        if given is not None and given["round"] == self.round and given["steps"] > 0:
            share = given["steps"] / (given["steps"] + self.own)
            with torch.no_grad():
                for name, p in model.named_parameters():
                    p.lerp_(given["model"][name], share)
            took = given["tokens"]
        take(self.asked)
        self.give(model, step + 1)
        return took


class Follower:
    def __init__(self, folder):
        self.asked, self.given, self.mean = (os.path.join(folder, n) for n in ("asked.pt", "given.pt", "mean.pt"))
        self.round, self.begin, self.steps, self.tokens = -1, 0, 0, 0

    def start(self, model):
        """Waits for the leader's weights, takes them, and returns the leader's step."""
        while not os.path.exists(self.mean):
            time.sleep(0.05)
        mean = torch.load(self.mean)
        model.load_state_dict(mean["model"])
        self.round, self.begin, self.steps, self.tokens = mean["round"], mean["step"], 0, 0
        return self.begin

    def step(self, model, tokens):
        """After each step. The number of the next one, as the leader counts."""
        self.steps, self.tokens = self.steps + 1, self.tokens + tokens
        if os.path.exists(self.asked):
            put(self.given, {"model": model.state_dict(), "round": self.round, "steps": self.steps, "tokens": self.tokens})
            while True:
                time.sleep(0.02)
                if torch.load(self.mean)["round"] != self.round:
                    return self.start(model)
        return self.begin + self.steps
