"""Checks of chapter 06: the gate."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from mil_tutorial.checks.exercise import Wrong, exercise
from mil_tutorial.checks.judging import (
    attempt,
    expect_gradients,
    expect_module,
    expect_number,
    expect_tensor,
    expect_values,
)
from mil_tutorial.models.pooling import GatedAttentionPooling

SHAPES = {"one tile": (1,), "five packed tiles": (5,), "two padded bags of three": (2, 3)}
NO_GATE = "The gate is missing: multiply tanh(V h) by sigm(U h) before w."
ADDED = "The gate was added: multiply, so that it can close."
SWAPPED = "tanh and sigmoid are swapped: V goes through tanh, U through the sigmoid."
SQUEEZED = "The final score went through the sigmoid: gate each detector, then add up with w."
NORMALISED = "That is after the softmax: return the scores."
OWN_GATE = "The gate uses V: it needs U, weights of its own."
TWO_TANH = "The gate goes through tanh: use a sigmoid, so that it lies between 0 and 1."
W_FIRST = "w comes before the gate: multiply tanh by the gate first, then add up with w."
NO_W = "There is a number for each tile and detector: add up with w in the end."
TWO_SIGMOIDS = "Both go through a sigmoid: the detector takes tanh."


@exercise
def check_half_open_gate(answer: Any) -> str:
    """Check the guess of the first tile's weight behind a half-open gate."""
    mistakes = {
        "That is the weight without the gate. Halved scores are closer together.": _share(2.0),
        "The scores are halved, not the weight.": _share(2.0) / 2,
        "That would need equal scores.": 0.5,
    }
    expect_number(answer, _share(1.0), "the weight", 0.006, mistakes)
    return "halved scores, 1 and 0: e / (e + 1) = 0.731. Factors matter, shifts do not"


@exercise
def check_gated_scores(answer: Any) -> str:
    """Check ``gated_scores(h, V, U, w)``."""
    generator = torch.Generator().manual_seed(6)
    V, U = (torch.randn(4, 3, generator=generator).requires_grad_() for _ in "VU")
    w = torch.randn(4, generator=generator).requires_grad_()
    for case, shape in SHAPES.items():
        h = torch.randn(*shape, 3, generator=generator)
        got = attempt(answer, h, V, U, w, case=case)
        detector, gate = h @ V.T, h @ U.T
        _refuse_detectors(got, detector, gate, w)
        expect_tensor(got, shape, "the scores", "float")
        mistakes = _mistakes(detector, gate, w)
        expect_values(got, _by_loop(h, V, U, w), "the scores", mistakes, case)
        expect_gradients(got, {"V": V, "U": U, "w": w}, "the scores")
    return "right for one tile, packed tiles and padded bags"


@exercise
def check_gated_attention_pooling(answer: Any) -> str:
    """Check the class ``GatedAttentionPooling(embedding_dim, attention_dim)``."""
    torch.manual_seed(6)
    what = "GatedAttentionPooling(4, 3)"
    layer = expect_module(attempt(answer, 4, 3, case=what), what)
    embeddings = torch.randn(5, 4)
    scores = attempt(getattr(layer, "scores", None), embeddings, case="5 tiles")
    for name in ("V", "w"):
        if not isinstance(getattr(layer, name, None), nn.Linear):
            raise Wrong(f"there is no layer {name}: call super().__init__ as the stub does")
    gate = getattr(layer, "U", None)
    if not isinstance(gate, nn.Linear):
        raise Wrong("there is no layer U: make it in __init__, like V")
    if gate is layer.V or gate.weight is layer.V.weight:
        raise Wrong("U is V under another name: the gate needs weights of its own")
    if gate.weight.shape != layer.V.weight.shape:
        shapes = f"{tuple(gate.weight.shape)}, expected {tuple(layer.V.weight.shape)}"
        raise Wrong(f"U has weights of shape {shapes}: a gate for each detector")
    if gate.bias is None:
        raise Wrong("U has no bias; give it one, as V has")
    detector, opened, votes = layer.V(embeddings), gate(embeddings), layer.w.weight[0]
    _refuse_detectors(scores, detector, opened, votes)
    expect_tensor(scores, (5,), "the scores", "float")
    truth = GatedAttentionPooling(4, 3)
    try:
        truth.load_state_dict(layer.state_dict())
    except RuntimeError as error:
        raise Wrong("the layers should be V, w and U and no others, in the sizes given") from error
    mistakes = _mistakes(detector, opened, votes)
    expect_values(scores, truth.scores(embeddings), "the scores", mistakes)
    sizes = torch.tensor([2, 3])
    expect_gradients(scores, dict(layer.named_parameters()), "the scores")
    both = attempt(layer, embeddings, sizes, case="bags of 2 and 3 tiles")
    if not isinstance(both, tuple) or len(both) != 2:
        raise Wrong("leave the inherited forward as it is: it returns bag embeddings and attention")
    pooled, attention = both
    expected = truth(embeddings, sizes)
    expect_values(attention, expected.attention, "the attention")
    expect_values(pooled, expected.values, "the bag embedding")
    return "same scores, attention and bag embeddings as the package's"


@exercise
def check_own_gate(answer: Any) -> str:
    """Check that the class ``Gate`` has gates of its own."""
    torch.manual_seed(6)
    layer = expect_module(attempt(answer, 4, 3, case="Gate(4, 3)"), "Gate(4, 3)")
    for name in "VU":
        if not isinstance(getattr(layer, name, None), nn.Linear):
            raise Wrong(
                f"there is no linear layer {name}: leave detectors V and gates U as they are"
            )
    if layer.U is layer.V or layer.U.weight is layer.V.weight:
        parameters = sum(p.numel() for p in layer.parameters())
        raise Wrong(
            f"Gate(4, 3) has {parameters} parameters; detectors and gates of their own make 30. "
            "The bug is still there"
        )
    h = torch.randn(5, 4)
    expected = torch.tanh(layer.V(h)) * torch.sigmoid(layer.U(h))
    got = expect_tensor(attempt(layer, h), (5, 3), "the gated answers", "float")
    own = torch.tanh(layer.V(h)) * torch.sigmoid(layer.V(h))
    expect_values(got, expected, "the gated answers", [(OWN_GATE, own)])
    expect_gradients(got, {"V": layer.V.weight, "U": layer.U.weight}, "the gated answers")
    return "gates and detectors now learn different things"


def _share(difference: float) -> float:
    """Softmax weight of the higher of two scores."""
    return 1 / (1 + math.exp(-difference))


def _by_loop(h: Tensor, V: Tensor, U: Tensor, w: Tensor) -> Tensor:
    """Equation 9 up to the softmax, number by number."""
    V, U, w = V.detach(), U.detach(), w.detach()
    rows = [
        sum(
            float(vote) * math.tanh(float(v @ tile)) / (1 + math.exp(-float(u @ tile)))
            for v, u, vote in zip(V, U, w)
        )
        for tile in h.flatten(0, -2)
    ]
    return torch.tensor(rows).reshape(h.shape[:-1])


def _refuse_detectors(got: Any, detector: Tensor, gate: Tensor, w: Tensor) -> None:
    """Refuse a score for each detector (..., A), where one for each tile is asked for."""
    if not isinstance(got, Tensor) or got.shape != detector.shape:
        return
    text = f"the scores came in shape {tuple(got.shape)}, expected {tuple(detector.shape[:-1])}"
    first = (torch.tanh(detector) @ w)[..., None] * torch.sigmoid(gate)
    raise Wrong(f"{text}. {W_FIRST if torch.allclose(got.to(first), first, atol=1e-5) else NO_W}")


def _mistakes(detector: Tensor, gate: Tensor, w: Tensor) -> list[tuple[str, Tensor]]:
    right = (torch.tanh(detector) * torch.sigmoid(gate)) @ w
    return [
        (NO_GATE, torch.tanh(detector) @ w),
        (ADDED, (torch.tanh(detector) + torch.sigmoid(gate)) @ w),
        (SWAPPED, (torch.sigmoid(detector) * torch.tanh(gate)) @ w),
        (SQUEEZED, torch.sigmoid(torch.tanh(detector) @ w)),
        (SQUEEZED, torch.sigmoid(right)),
        (NORMALISED, torch.softmax(right, dim=-1)),
        (OWN_GATE, (torch.tanh(detector) * torch.sigmoid(detector)) @ w),
        (TWO_TANH, (torch.tanh(detector) * torch.tanh(gate)) @ w),
        (TWO_SIGMOIDS, (torch.sigmoid(detector) * torch.sigmoid(gate)) @ w),
        (W_FIRST, (torch.tanh(detector) @ w) * (torch.sigmoid(gate) @ w)),
        (W_FIRST, (torch.tanh(detector) @ w) * torch.sigmoid(gate).sum(dim=-1)),
        (W_FIRST, (torch.tanh(detector) @ w) * torch.sigmoid(gate).mean(dim=-1)),
        (W_FIRST, (torch.tanh(detector) @ w) * torch.sigmoid(gate @ w)),
    ]
