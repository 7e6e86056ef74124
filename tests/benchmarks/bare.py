"""The least a step of gated attention can cost: its matrix products and nothing else."""

import torch


class Bare:
    """Multiplies random matrices of the shapes of a network, into memory that is there already.

    Parameters
    ----------
    model : GatedAttentionMIL
        Without an encoder.
    n_instances : int
        Of the largest batch.
    """

    name = "bare"

    def __init__(self, model, n_instances):
        hidden, width = model.embedding[0].weight.shape
        self.W = torch.randn(hidden, width)
        self.V, self.U = (torch.randn(model.pooling.V.weight.shape) for _ in range(2))
        self.dW, self.dV, self.dU = (torch.empty_like(x) for x in (self.W, self.V, self.U))
        self.x = torch.randn(n_instances, width)
        self.h, self.dh = (torch.randn(n_instances, hidden) for _ in range(2))
        self.v, self.u = (torch.randn(n_instances, len(self.V)) for _ in range(2))

    def collate(self, bags):
        """Return the number of instances, and no labels."""
        return sum(len(x) for x, _ in bags), None

    def step(self, n, labels):
        x, h, dh, v, u = (values[:n] for values in (self.x, self.h, self.dh, self.v, self.u))
        torch.mm(x, self.W.T, out=h)
        torch.mm(h, self.V.T, out=v)
        torch.mm(h, self.U.T, out=u)
        torch.mm(v.T, h, out=self.dV)
        torch.mm(u.T, h, out=self.dU)
        torch.mm(v, self.V, out=dh)
        torch.mm(u, self.U, out=dh)
        torch.mm(dh.T, x, out=self.dW)
