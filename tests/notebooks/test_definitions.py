"""What chapters build by hand is the package's code: same outputs, same gradients."""

import ast

import nbformat
import numpy as np
import pytest
import torch

import mil_tutorial
from mil_tutorial import pooling
from mil_tutorial.weighted import weighted_auc

SIZES = torch.tensor([3, 1, 4])
MASK = torch.arange(4) < SIZES[:, None]


def definitions(notebooks, number):
    """Run the imports and definitions of a solved chapter; the last of a name counts."""
    (path,) = (notebooks / "solutions").glob(f"{number}_*.ipynb")
    names = {"FAST": True, "__name__": "chapter"}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and cell.id != "setup":
            kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
            body = [node for node in ast.parse(cell.source).body if isinstance(node, kept)]
            exec(compile(ast.Module(body, []), cell.id, "exec"), names)
    return names


def own(names, name):
    """Return a definition that is the notebook's and not the package's under the same name."""
    assert not names[name].__module__.startswith("mil_tutorial"), name
    return names[name]


def assert_same(functions, *inputs):
    """Compare outputs, and the gradients of a weighted sum of them."""
    results = []
    for function in functions:
        given = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
        outputs = function(*given)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        parts = [
            (out * torch.linspace(-1, 1, out.numel()).view(out.shape)).sum() for out in outputs
        ]
        sum(parts).backward()
        results.append([*outputs, *(x.grad for x in given if x.requires_grad)])
    for got, expected in zip(*results):
        torch.testing.assert_close(got, expected)


def assert_same_layer(layer, truth, *inputs):
    """Compare two modules with the same parameters: outputs, gradients of inputs and parameters."""
    layer.load_state_dict(truth.state_dict())
    assert_same((layer, truth), *inputs)
    for mine, theirs in zip(layer.parameters(), truth.parameters()):
        torch.testing.assert_close(mine.grad, theirs.grad)


def test_chapter_02_builds_the_data_set(notebooks):
    data_set = own(definitions(notebooks, "02"), "MedicalBagDataset")
    bags = [(torch.randn(3, 2).tolist(), 1), (torch.randn(1, 2), 0.0)]
    mine, package = data_set(bags), mil_tutorial.MedicalBagDataset(bags)
    assert len(mine) == len(package) == 2
    for ours, theirs in zip(mine, package):
        for got, expected in zip(ours, theirs):
            torch.testing.assert_close(got, expected)
    nothing, nan = torch.zeros(0, 2), torch.full((2, 2), float("nan"))
    for refused in (
        [(nothing, 1)],
        [(nan, 1)],
        [(torch.zeros(2, 2), 2)],
        [(torch.zeros(2, 2), "x")],
    ):
        for kind in (data_set, mil_tutorial.MedicalBagDataset):
            with pytest.raises(ValueError, match="bag 0"):
                kind(refused)


def test_chapter_03_builds_batches_and_softmaxes(notebooks):
    names = definitions(notebooks, "03")
    batch = [(torch.randn(int(n), 2), float(n > 1)) for n in SIZES]
    for got, expected in zip(own(names, "collate_fn")(batch), mil_tutorial.collate_fn(batch)):
        torch.testing.assert_close(got, expected)
    masked = (own(names, "masked_softmax"), pooling.masked_softmax)
    assert_same([lambda s, f=f: f(s, MASK) for f in masked], torch.randn(3, 4))
    index = pooling.bag_index(SIZES)
    segment = (own(names, "segment_softmax"), pooling.segment_softmax)
    assert_same([lambda s, f=f: f(s, index, 3) for f in segment], torch.randn(8))


@pytest.mark.parametrize("name", ["MaxPooling", "MeanPooling"])
def test_chapter_04_builds_the_poolings(notebooks, name):
    layer, truth = own(definitions(notebooks, "04"), name)(), getattr(pooling, name)()
    values = torch.randn(8, 3)
    values[5] = values[6] = values.max() + 1  # equal winners share
    inputs = (lambda v: layer(v, SIZES)[0], lambda v: truth(v, SIZES).values)
    assert_same(inputs, values)
    torch.testing.assert_close(layer(values, SIZES)[1], truth(values, SIZES).attention)


@pytest.mark.parametrize(
    ("number", "layer", "model"),
    [
        ("05", "AttentionPooling", "AttentionMIL"),
        ("06", "GatedAttentionPooling", "GatedAttentionMIL"),
    ],
)
def test_chapters_05_and_06_build_attention(notebooks, number, layer, model):
    names = definitions(notebooks, number)
    torch.manual_seed(0)
    mine, truth = own(names, layer)(3, 5), getattr(pooling, layer)(3, 5)
    assert_same_layer(mine, truth, torch.randn(8, 3), SIZES)
    mine = own(names, model)(2, 4, attention_dim=3)
    truth = getattr(mil_tutorial, model)(2, 4, attention_dim=3)
    assert_same_layer(mine, truth, torch.randn(3, 4, 2), MASK)


def test_chapter_11_builds_what_the_comparison_needs(notebooks):
    names = definitions(notebooks, "11")
    error = own(names, "auc_standard_error")
    for case in ((0.93, 49, 80), (0.5, 3, 2), (1.0, 4, 4)):
        assert error(*case) == pytest.approx(mil_tutorial.auc_standard_error(*case))
    rng = np.random.default_rng(0)
    losses, values = rng.normal(size=(2, 7))
    for r in (1, 2, 3, 7):
        kept = own(names, "best_of")(losses, values, r)
        np.testing.assert_array_equal(kept, mil_tutorial.best_of(losses, values, r))
    labels, patient = np.tile([0, 1, 1, 0, 1], 4), np.repeat(np.arange(10), 2)
    first, second = rng.uniform(size=(2, 20))
    plan = mil_tutorial.Bootstrap(patient.tolist(), n_resamples=30)
    draws = [np.repeat(np.arange(10), w[::2].astype(int)) for w in plan.weights]
    metric = weighted_auc(labels)
    np.testing.assert_allclose(
        own(names, "paired_bootstrap")(labels, first, second, patient, draws),
        metric(first, plan.weights) - metric(second, plan.weights),
    )
