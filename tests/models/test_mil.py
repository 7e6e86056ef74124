import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mil_tutorial import (
    AttentionMIL,
    GatedAttentionMIL,
    LeNetEncoder,
    NucleusEncoder,
    build_model,
    collate_fn,
    collate_packed,
)
from mil_tutorial.models.mil import POOLINGS

WIDTH = 4


def model_of(pooling):
    torch.manual_seed(0)
    return build_model(pooling, WIDTH, 6).double().eval()


@st.composite
def batches(draw):
    sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**16)))
    return [
        (torch.randn(n, WIDTH, generator=generator, dtype=torch.float64), i % 2)
        for i, n in enumerate(sizes)
    ]


def gradients(model, logits, weights):
    model.zero_grad()
    (logits * weights).sum().backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


properties = settings(max_examples=25, deadline=None)


@pytest.mark.parametrize("pooling", POOLINGS)
@properties
@given(batch=batches())
def test_padded_packed_and_one_by_one_agree_in_values_and_gradients(pooling, batch):
    model = model_of(pooling)
    weights = torch.arange(1.0, len(batch) + 1, dtype=torch.float64)
    bags, mask, _ = collate_fn(batch)
    packed = collate_packed(batch)
    padded_out = model(bags, mask)
    packed_out = model.forward_packed(packed.instances, packed.sizes)
    single = [model(x[None]) for x, _ in batch]
    single_logits = torch.cat([out.logits for out in single])
    single_attention = torch.cat([out.attention[0] for out in single])
    torch.testing.assert_close(padded_out.logits, packed_out.logits)
    torch.testing.assert_close(packed_out.logits, single_logits)
    torch.testing.assert_close(padded_out.attention[mask], packed_out.attention)
    torch.testing.assert_close(packed_out.attention, single_attention)
    of_weights = [
        gradients(model, x, weights) for x in (padded_out.logits, packed_out.logits, single_logits)
    ]
    torch.testing.assert_close(of_weights[0], of_weights[1])
    torch.testing.assert_close(of_weights[1], of_weights[2])


@pytest.mark.parametrize("pooling", POOLINGS)
@properties
@given(batch=batches(), garbage=st.sampled_from([float("nan"), float("inf"), 1e30]))
def test_garbage_under_the_mask_changes_nothing(pooling, batch, garbage):
    model = model_of(pooling)
    bags, mask, _ = collate_fn(batch)
    clean = model(bags, mask)
    dirty_bags = bags.masked_fill(~mask[:, :, None], garbage).requires_grad_()
    dirty = model(dirty_bags, mask)
    assert torch.equal(dirty.logits, clean.logits)
    assert torch.equal(dirty.attention, clean.attention)
    dirty.logits.sum().backward()
    assert torch.isfinite(dirty_bags.grad).all()
    assert (dirty_bags.grad[~mask] == 0).all()


@pytest.mark.parametrize("pooling", POOLINGS)
@properties
@given(batch=batches(), seed=st.integers(0, 99))
def test_order_of_instances_does_not_matter(pooling, batch, seed):
    model, instances = model_of(pooling), batch[0][0]
    order = torch.randperm(len(instances), generator=torch.Generator().manual_seed(seed))
    plain, shuffled = model(instances[None]), model(instances[order][None])
    torch.testing.assert_close(shuffled.logits, plain.logits)
    torch.testing.assert_close(shuffled.attention[0], plain.attention[0, order])


@pytest.mark.parametrize("pooling", POOLINGS)
@properties
@given(batch=batches())
def test_attention_sums_to_one_and_is_zero_on_padding(pooling, batch):
    bags, mask, _ = collate_fn(batch)
    attention = model_of(pooling)(bags, mask).attention
    assert attention.shape == mask.shape
    assert (attention >= 0).all()
    assert (attention[~mask] == 0).all()
    torch.testing.assert_close(attention.sum(1), torch.ones(len(batch), dtype=torch.float64))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_bags_do_not_influence_each_other(pooling):
    model = model_of(pooling)
    first, second, other = (torch.randn(n, WIDTH, dtype=torch.float64) for n in (3, 5, 8))
    a = model.forward_packed(torch.cat([first, second]), torch.tensor([3, 5]))
    b = model.forward_packed(torch.cat([first, other]), torch.tensor([3, 8]))
    torch.testing.assert_close(a.logits[0], b.logits[0])
    torch.testing.assert_close(a.attention[:3], b.attention[:3])


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_bag_of_one_instance_is_judged_by_the_head_alone(pooling):
    model, instance = model_of(pooling), torch.randn(1, WIDTH, dtype=torch.float64)
    out = model(instance[None])
    assert out.attention.item() == pytest.approx(1)
    torch.testing.assert_close(out.logits, model.instance_logits(model.embed(instance)))


def test_max_is_one_hot_and_its_logit_is_the_highest_of_the_instances():
    model, instances = model_of("max"), torch.randn(7, WIDTH, dtype=torch.float64)
    out, scores = model(instances[None]), model.instance_logits(model.embed(instances))
    assert out.logits.item() == pytest.approx(scores.max().item())
    assert out.attention[0].argmax() == scores.argmax()
    assert sorted(out.attention[0].tolist()) == [0.0] * 6 + [1.0]


def test_mean_instance_averages_probabilities():
    model, instances = model_of("mean_instance"), torch.randn(7, WIDTH, dtype=torch.float64)
    scores = model.instance_logits(model.embed(instances))
    probability = torch.sigmoid(model(instances[None]).logits)
    torch.testing.assert_close(probability[0], torch.sigmoid(scores).mean())


@pytest.mark.parametrize("model_type", [AttentionMIL, GatedAttentionMIL])
def test_named_models(model_type):
    model = model_type(WIDTH, 6)
    logits, attention = model(torch.randn(2, 3, WIDTH))
    assert logits.shape == (2,)
    assert attention.shape == (2, 3)


def test_image_tiles_need_an_encoder_that_learns_with_the_rest():
    encoder = LeNetEncoder(channels=3, size=27)
    model = build_model("gated", encoder.output_dim, 8, encoder=encoder)
    model(torch.randn(2, 3, 3, 27, 27)).logits.sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in encoder.parameters())
    with pytest.raises(ValueError, match="tiles of 15 px are too small"):
        LeNetEncoder(size=15)
    LeNetEncoder(size=16)(torch.randn(1, 1, 16, 16))


def test_the_encoder_of_nuclei_learns_and_gives_the_same_without_gradients():
    encoder = NucleusEncoder()
    patches = torch.randn(700, 3, 27, 27)
    encoder(patches[:4]).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in encoder.parameters())
    features = encoder.eval()(patches)
    assert features.shape == (700, encoder.output_dim)
    one_by_one = torch.cat([encoder(patch[None]) for patch in patches[:5]])
    torch.testing.assert_close(one_by_one, features[:5], rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"shape \(2, 3, 28, 28\), expected \(N, 3, 27, 27\)"):
        encoder(torch.randn(2, 3, 28, 28))


def test_nothing_is_computed_on_padding():
    seen = []
    model = build_model("gated", WIDTH, 6)
    model.embedding.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    bags, mask, _ = collate_fn([(torch.randn(n, WIDTH), 0) for n in (1, 50, 2)])
    model(bags, mask)
    assert seen == [53]


def test_bad_sizes_are_refused():
    model, instances = build_model("gated", WIDTH, 6), torch.randn(3, WIDTH)
    with pytest.raises(ValueError, match="bag 1 of the batch has no real instance"):
        model.forward_packed(instances, torch.tensor([3, 0]))
    with pytest.raises(ValueError, match="sizes sum to 4, but there are 3 instances"):
        model.forward_packed(instances, torch.tensor([2, 2]))
    for wrong in ([3], torch.tensor([3.0]), torch.tensor(3)):
        with pytest.raises(ValueError, match="sizes must be a tensor of integers"):
            model.forward_packed(instances, wrong)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="features have width 3, the model expects 4"):
        build_model("mean", 4)(torch.ones(1, 2, 3))
    with pytest.raises(ValueError, match="unknown pooling 'median'; choose from max, mean"):
        build_model("median", 4)
    with pytest.raises(ValueError, match="bag 0 of the batch has no real instance"):
        build_model("max", 4)(torch.ones(1, 2, 4), torch.zeros(1, 2, dtype=torch.bool))
