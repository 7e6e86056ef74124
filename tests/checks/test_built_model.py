"""What is built from empty cells in chapter 05: each known mistake is named."""

import torch
from torch import nn
from verdicts import expect_state

from mil_tutorial.checks import chapter_05 as checks
from mil_tutorial.models.mil import AttentionMIL, GatedAttentionMIL
from mil_tutorial.models.pooling import masked_softmax


class Scorer(nn.Module):
    def __init__(self, hidden_dim, attention_dim):
        super().__init__()
        self.V = nn.Linear(hidden_dim, attention_dim)
        self.w = nn.Linear(attention_dim, 1, bias=False)

    def forward(self, h):
        return self.w(torch.tanh(self.V(h))).squeeze(-1)


class Gated(Scorer):
    def __init__(self, hidden_dim, attention_dim):
        super().__init__(hidden_dim, attention_dim)
        self.U = nn.Linear(hidden_dim, attention_dim)

    def forward(self, h):
        gated = torch.tanh(self.V(h)) * torch.sigmoid(self.U(h))
        return self.w(gated).squeeze(-1)


def scorer(forward):
    return type("Mine", (Scorer,), {"forward": forward})


class Model(nn.Module):
    """A right model; a mistake replaces one of its steps."""

    def __init__(self, input_dim, hidden_dim, attention_dim):
        super().__init__()
        self.embedding = nn.Linear(input_dim, hidden_dim)
        self.scorer = Scorer(hidden_dim, attention_dim)
        self.head = nn.Linear(hidden_dim, 1)

    def weights(self, h, mask):
        return masked_softmax(self.scorer(h), mask)

    def pool(self, h, attention, mask):
        return (attention[..., None] * h).sum(dim=1)

    def classify(self, z):
        return self.head(z).squeeze(-1)

    def forward(self, bags, mask):
        h = torch.relu(self.embedding(bags))
        attention = self.weights(h, mask)
        return self.classify(self.pool(h, attention, mask)), attention


def model(**steps):
    return type("Mine", (Model,), steps)


def unmasked(self, h, mask):
    return torch.softmax(self.scorer(h), dim=1)


def masked_too_late(self, h, mask):
    return torch.softmax(self.scorer(h), dim=1) * mask


def over_the_bags(self, h, mask):
    hidden = self.scorer(h).masked_fill(~mask, torch.finfo().min)
    return torch.softmax(hidden, dim=0) * mask


def equal(self, h, mask):
    return mask / mask.sum(dim=1, keepdim=True) + 0 * self.scorer(h) * mask


def nearly_equal(self, h, mask):
    return masked_softmax(0.01 * self.scorer(h), mask)


def by_place(self, h, mask):
    places = torch.arange(mask.shape[1], dtype=torch.float)
    return masked_softmax(self.scorer(h) + places, mask)


def mean(self, h, attention, mask):
    return (attention[..., None] * h).mean(dim=1)


def unweighted_sum(self, h, attention, mask):
    return (h * mask[..., None]).sum(dim=1) + 0 * attention.sum()


def with_padding(self, h, attention, mask):
    return (attention[..., None] * h).sum(dim=1) + 0.1 * h.mean(dim=1)


def with_slope_of_padding(self, h, attention, mask):
    return (attention[..., None] * h).sum(dim=1) + (h - h.detach()).sum(dim=1)


def over_the_batch(self, h, attention, mask):
    z = (attention[..., None] * h).sum(dim=1)
    return z - z.mean(dim=0)


def only_logits(self, bags, mask):
    return Model.forward(self, bags, mask)[0]


def wide(self, z):
    return self.head(z)


def frozen(self, h, mask):
    return masked_softmax(self.scorer(h), mask).detach()


def hidden(scores, mask):
    return scores.masked_fill(~mask, -torch.inf)


def by_hand(scores, mask):
    powers = torch.exp(hidden(scores, mask))
    return powers / powers.sum(dim=1, keepdim=True)


def shifted(scores, mask):
    scores = hidden(scores, mask)
    powers = torch.exp(scores - scores.amax(dim=1, keepdim=True))
    return powers / powers.sum(dim=1, keepdim=True)


def test_scorers():
    wrong = [
        (scorer(lambda s, h: s.w(torch.tanh(s.V(h)))), "squeeze(-1)"),
        (scorer(lambda s, h: torch.tanh(s.V(h))), "w is missing"),
        (scorer(lambda s, h: s.w(s.V(h)).squeeze(-1)), "the scorer is linear"),
        (scorer(lambda s, h: torch.sigmoid(Scorer.forward(s, h))), "squeeze the score after w"),
        (scorer(lambda s, h: torch.tanh(s.w(s.V(h)).squeeze(-1))), "squeeze the score after w"),
        (scorer(lambda s, h: torch.softmax(Scorer.forward(s, h), 1)), "leave the softmax to stage"),
        (scorer(lambda s, h: Scorer.forward(s, h - h.mean(1, keepdim=True))), "each on its own"),
        (scorer(lambda s, h: s.V(h).tanh().sum(-1)), "no gradient reaches w.weight"),
        (scorer(lambda s, h: Scorer.forward(s, h).detach()), "no gradient flows through"),
        (scorer(lambda s, h: print(s.V(h))), "return in place of print"),
        (Scorer(5, 3), "your code raised TypeError"),
    ]
    expect_state(checks.check_tile_scorer, wrong, "wrong")
    expect_state(checks.check_tile_scorer, [(Scorer,), (Gated,)], "right")


def test_weights():
    wrong = [
        (lambda s, m: torch.softmax(s, dim=1), "use the mask"),
        (lambda s, m: torch.softmax(s, dim=1) * m, "mask before"),
        (lambda s, m: torch.softmax(hidden(s, m), dim=0), "axis 1"),
        (lambda s, m: s, "the softmax is missing"),
        (by_hand, "subtracts the highest score first"),
        (lambda s, m: shifted(s, m).detach(), "no gradient flows through"),
        (lambda s, m: shifted(s, ~m), "the attention at"),
    ]
    expect_state(checks.check_bag_weights, wrong, "wrong")
    expect_state(checks.check_bag_weights, [(masked_softmax,), (shifted,)], "right")


def test_models():
    wrong = [
        (model(weights=unmasked), "padding gets attention"),
        (model(weights=masked_too_late), "mask before the softmax"),
        (model(weights=over_the_bags), "over the tiles of each bag"),
        (model(weights=equal), "mean pooling"),
        (model(weights=by_place), "order of its tiles"),
        (model(weights=frozen), "no gradient reaches scorer.V.weight"),
        (model(pool=mean), "how much padding it has"),
        (model(pool=unweighted_sum), "every tile appears twice"),
        (model(pool=with_padding), "what is in its padding"),
        (model(pool=over_the_batch), "the other bags in the batch"),
        (model(classify=wide), "the logits came in shape (3, 1), expected (3,)"),
        (model(classify=lambda s, z: torch.sigmoid(Model.classify(s, z))), "leave the sigmoid"),
        (model(classify=lambda s, z: torch.relu(Model.classify(s, z))), "leave the ReLU"),
        (model(classify=lambda s, z: 0 * Model.classify(s, z) - 1), "after 100 steps"),
        (model(weights=nearly_equal), "of its attention on the tile to find"),
        (model(pool=with_slope_of_padding), "a gradient flows into the padding"),
        (model(forward=only_logits), "expected (logits, attention)"),
    ]
    expect_state(checks.check_whole_model, wrong, "wrong")

    def packaged(kind):
        return lambda input_dim, hidden_dim, attention_dim: kind(
            input_dim, hidden_dim, attention_dim=attention_dim, dropout=0.2
        )

    right = [(Model,), (packaged(AttentionMIL),), (packaged(GatedAttentionMIL),)]
    expect_state(checks.check_whole_model, right, "right")


def test_an_empty_class_waits_and_half_a_class_is_wrong():
    class Empty(nn.Module):
        """A stub."""

    class WithoutForward(nn.Module):
        def __init__(self, *widths):
            super().__init__()

    for check in (checks.check_tile_scorer, checks.check_whole_model):
        assert check.judge(Empty).state == "open"
        assert check.judge(WithoutForward).state == "wrong"


def test_the_random_numbers_of_the_notebook_are_left_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    checks.check_tile_scorer.judge(Scorer)
    checks.check_whole_model.judge(Model)
    assert torch.equal(torch.rand(2), expected)
