"""Training time until a validation AUC is reached, all ways in turn, an epoch each."""

from dataclasses import dataclass, field

import torch
from timing import epoch
from ways import HAS_TORCHMIL, BagByBag, Packed, Torchmil, Way
from workloads import HIDDEN, MNIST_BATCH, feature_sets, gated, lenet, mnist_sets

from mil_tutorial import auc


@dataclass
class Runner:
    """One way in a race, and how far it is."""

    way: Way
    batch: int
    seconds: float = 0.0
    aucs: list = field(default_factory=list)

    @property
    def name(self):
        return f"{self.way.name}, {self.batch} a batch"

    def reached(self, target):
        return bool(self.aucs) and self.aucs[-1] >= target

    def run_epoch(self, train, val):
        """Train, which is timed, then validate, which is not."""
        self.seconds += epoch(self.way, train, self.batch)[1]
        self.aucs.append(validation_auc(self.way, val, self.batch))


def validation_auc(way, bags, batch):
    way.model.eval()
    with torch.inference_mode():
        parts = [way.collate(bags[i : i + batch]) for i in range(0, len(bags), batch)]
        logits = torch.cat([way.logits(*inputs) for inputs, _ in parts])
    way.model.train()
    labels = torch.cat([labels for _, labels in parts])
    return auc(labels.numpy(), torch.sigmoid(logits.double()).numpy())


def race(sets, model, entries, seed, target, most_epochs):
    """Let ways (class, batch) start from the same weights and see the same order of bags."""
    train, val = sets
    for way, batch in entries:  # a warm-up, on weights that are thrown away
        epoch(way(model), train[: 2 * batch], batch)
    runners = [Runner(way(model), batch) for way, batch in entries]
    generator = torch.Generator().manual_seed(seed)
    for _ in range(most_epochs):
        shuffled = [train[i] for i in torch.randperm(len(train), generator=generator)]
        for runner in runners:
            if not runner.reached(target):
                runner.run_epoch(shuffled, val)
    return {
        r.name: {"seconds": r.seconds, "reached": r.reached(target), "aucs": r.aucs}
        for r in runners
    }


def race_mnist(scale, seed, target):
    torch.manual_seed(seed)
    entries = [(Packed, MNIST_BATCH), (Packed, 8), (BagByBag, 1), (Torchmil, MNIST_BATCH)]
    return race(mnist_sets(scale, seed), lenet(), _installed(entries), seed, target, scale.epochs)


def race_features(scale, seed, target):
    torch.manual_seed(seed)
    entries = [(Packed, 16), (Packed, 1), (Torchmil, 16), (Torchmil, 1)]
    model = gated(scale.width, HIDDEN[0])
    return race(feature_sets(scale), model, _installed(entries), seed, target, scale.epochs)


def _installed(entries):
    return [entry for entry in entries if entry[0] is not Torchmil or HAS_TORCHMIL]
