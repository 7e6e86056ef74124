"""Ways to train the same network on the same bags: packed, padded, bag by bag, with torchmil.

Each takes a batch as ``(inputs, labels)`` from its own ``collate`` and makes one ``step`` of it.
"""

import copy
from importlib.util import find_spec

import torch
from torch import nn
from torch.nn import functional as F

from mil_tutorial import TrainingConfig, collate_fn, collate_packed, masked_softmax
from mil_tutorial.bags.loading import cut_into_parts, instances_of_a_part

HAS_TORCHMIL = find_spec("torchmil") is not None


class Way:
    """Has its own copy of the network and its own optimiser."""

    name = ""

    def __init__(self, model):
        self.model = copy.deepcopy(model)
        self.optimizer = make_optimizer(self.model)

    def collate(self, bags):
        """Return the inputs of ``logits``, and labels (B,)."""
        raise NotImplementedError

    def logits(self, *inputs):
        raise NotImplementedError

    def parameters(self):
        """Return the parameters in the order that they have in the package's model."""
        return list(self.model.parameters())

    def backward(self, inputs, labels):
        loss = F.binary_cross_entropy_with_logits(self.logits(*inputs), labels)
        loss.backward()
        return loss.item()

    def step(self, inputs, labels):
        self.optimizer.zero_grad()
        loss = self.backward(inputs, labels)
        self.optimizer.step()
        return loss


class Packed(Way):
    """As the package trains: packed, in parts of so many instances, whose gradients add up."""

    name = "packed"

    def collate(self, bags):
        sizes = [len(x) for x, _ in bags]
        part = instances_of_a_part(bags[0][0].shape[1:])
        parts = cut_into_parts(range(len(bags)), sizes, part)
        batches = [collate_packed([bags[i] for i in part]) for part in parts]
        return (batches,), torch.cat([batch.labels for batch in batches])

    def logits(self, batches):
        outputs = [self.model.forward_packed(batch.instances, batch.sizes) for batch in batches]
        return torch.cat([out.logits for out in outputs])

    def backward(self, inputs, labels):
        total = 0.0
        for batch in inputs[0]:
            own = batch.labels.to(labels.dtype)
            loss = F.binary_cross_entropy_with_logits(self.logits([batch]), own, reduction="sum")
            (loss / len(labels)).backward()
            total += loss.item()
        return total / len(labels)


class PackedAtOnce(Way):
    """Packs a whole batch into one pass."""

    name = "packed, one pass"

    def collate(self, bags):
        batch = collate_packed(bags)
        return (batch.instances, batch.sizes), batch.labels

    def logits(self, instances, sizes):
        return self.model.forward_packed(instances, sizes).logits


class Padded(Way):
    """Computes on padding as if it were instances, up to the softmax."""

    name = "padded"

    def collate(self, bags):
        *inputs, labels = collate_fn(bags)
        return inputs, labels

    def logits(self, bags, mask):
        embeddings = self.model.embed(bags.flatten(0, 1))  # (B·K, H)
        scores = self.model.pooling.scores(embeddings).view(mask.shape)
        attention = masked_softmax(scores, mask)
        pooled = torch.bmm(attention[:, None], embeddings.view(*mask.shape, -1)).squeeze(1)
        return self.model.head(pooled).squeeze(-1)


class Forward(Padded):
    """Gets padded bags and packs them inside."""

    name = "model(bags, mask)"

    def logits(self, bags, mask):
        return self.model(bags, mask).logits


class OneByOne(Way):
    """Computes on a bag at a time; the gradients of a batch add up to one step."""

    name = "one by one, accumulated"

    def collate(self, bags):
        return ([x for x, _ in bags],), torch.tensor([float(y) for _, y in bags])

    def logits(self, bags):
        return torch.stack([self._logit(x) for x in bags])

    def _logit(self, instances):
        embeddings = self.model.embed(instances)
        attention = torch.softmax(self.model.pooling.scores(embeddings), dim=0)
        return self.model.head(attention @ embeddings).squeeze(-1)

    def backward(self, inputs, labels):
        total = 0.0
        for bag, label in zip(inputs[0], labels):
            loss = F.binary_cross_entropy_with_logits(self._logit(bag), label) / len(labels)
            loss.backward()
            total += loss.item()
        return total


class BagByBag(OneByOne):
    """A step a bag, as most public repositories do; a batch is only so many steps."""

    name = "bag by bag"

    def step(self, inputs, labels):
        losses = [super(BagByBag, self).step(([x],), y[None]) for x, y in zip(inputs[0], labels)]
        return sum(losses) / len(losses)


class Torchmil(Way):
    """ABMIL of torchmil with the same weights; it computes on padding too."""

    name = "torchmil"

    def __init__(self, model):
        from torchmil.models import ABMIL

        features = nn.Sequential(_EveryPlace(model.encoder), model.embedding)
        width = model.embedding[0].out_features
        self.model = ABMIL(att_dim=model.pooling.V.out_features, gated=True)
        self.model(torch.zeros(1, 1, width))  # its layers learn their width from what they see
        self.model.feat_ext = copy.deepcopy(features)
        with torch.no_grad():
            for own, other in zip(self.parameters(), model.parameters(), strict=True):
                own.copy_(other)
        self.optimizer = make_optimizer(self.model)

    def collate(self, bags):
        from torchmil.data import collate_fn

        batch = collate_fn([{"X": x, "Y": torch.tensor([float(y)])} for x, y in bags])
        return (batch["X"], batch["mask"]), batch["Y"].squeeze(1)

    def logits(self, bags, mask):
        return self.model(bags, mask)

    def parameters(self):
        pool = self.model.pool
        layers = self.model.feat_ext, pool.fc1, pool.fc2, pool.fc_gated, self.model.classifier
        return [parameter for layer in layers for parameter in layer.parameters()]


class _EveryPlace(nn.Module):
    """Applies an encoder of instances to every place of padded bags (B, K, …)."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, bags):
        return self.encoder(bags.flatten(0, 1)).unflatten(0, bags.shape[:2])


def make_optimizer(model):
    """Return Adam as the package sets it, the same for all ways."""
    config = TrainingConfig()
    return torch.optim.Adam(
        model.parameters(),
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=True,
    )
