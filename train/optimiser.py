"""Muon for the matrices of the blocks, AdamW for everything else."""
import torch


def orthogonal(g, steps=5):
    """The nearest orthogonal matrix, nearly, by Newton and Schulz's iteration with
    the coefficients of Keller Jordan's Muon (2024)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.T if g.shape[0] > g.shape[1] else g
    x = (x / (x.norm() + 1e-7)).bfloat16()
    for _ in range(steps):
        y = x @ x.T
        x = a * x + (b * y + c * (y @ y)) @ x
    x = x.float()
    return x.T if g.shape[0] > g.shape[1] else x


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.95, decay=0.01):
        super().__init__(params, dict(lr=lr, momentum=momentum, decay=decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(p)
                m = state["momentum"]
                m.lerp_(p.grad, 1 - group["momentum"])
                update = orthogonal(p.grad.lerp(m, group["momentum"]))
                p.mul_(1 - group["lr"] * group["decay"])
                p.add_(update, alpha=-group["lr"] * max(1, p.shape[0] / p.shape[1]) ** 0.5)


def optimisers(model, muon, adam):
    """The two optimisers, with their learning rates."""
    matrices = [p for b in model.blocks for p in b.parameters() if p.dim() == 2]
    known = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in known]
    return [
        Muon(matrices, lr=muon),
        torch.optim.AdamW(rest, lr=adam, betas=(0.9, 0.98), weight_decay=0.0, eps=1e-10),
    ]
