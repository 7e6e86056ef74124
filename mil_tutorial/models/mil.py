"""Models: encoder, pooling and head; a logit for each bag, attention for each of its tiles."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mil_tutorial.bags.batches import check_sizes, pack
from mil_tutorial.models.pooling import (
    AttentionPooling,
    GatedAttentionPooling,
    MaxPooling,
    MeanPooling,
    MeanProbabilityPooling,
    Pooled,
    full_precision,
)
from mil_tutorial.system.numbers import as_integer, as_number, shown


class MILOutput(NamedTuple):
    """What a model returns: logits (before the sigmoid) and attention (sums to 1 over a bag)."""

    logits: Tensor  # (B,)
    attention: Tensor  # (B, K) from padded bags, 0 on padding; (N,) from packed ones


class MIL(nn.Module):
    """Encoder → embedding → pooling and head; each is applied to real instances only.

    Parameters
    ----------
    input_dim : int
        D, the width of the features, or of what ``encoder`` returns.
    hidden_dim : int
        H, the width of the embedding: a linear layer and ReLU.
    pooling : nn.Module
        Takes (values, sizes), returns ``Pooled``.
    pool_logits : bool
        True: every instance is classified and its logit pooled ("instance level").
        False: embeddings are pooled and the bag is classified ("embedding level").
    encoder : nn.Module, optional
        Maps instances (N, …) to features (N, D); trained with the rest.
    dropout : float
        Probability of dropping a unit of the embedding in training.

    Raises
    ------
    ValueError
        For widths that are no positive whole numbers, or a dropout outside [0, 1].
    """

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        pooling: nn.Module,
        *,
        pool_logits: bool = False,
        encoder: nn.Module | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.input_dim = as_integer(input_dim, "input_dim")
        hidden_dim, dropout = as_integer(hidden_dim, "hidden_dim"), as_number(dropout, "dropout")
        if not 0 <= dropout <= 1:
            raise ValueError(f"dropout is {dropout}, expected a probability in [0, 1]")
        self.encoder = nn.Identity() if encoder is None else encoder
        self.embedding = nn.Sequential(
            nn.Linear(self.input_dim, hidden_dim), nn.ReLU(inplace=True), nn.Dropout(dropout)
        )
        self.pooling = pooling
        self.pool_logits = pool_logits
        self.head = nn.Linear(hidden_dim, 1)

    def forward(self, bags: Tensor, mask: Tensor | None = None) -> MILOutput:
        """Classify padded bags.

        Parameters
        ----------
        bags : Tensor, shape (B, K, …)
        mask : Tensor of bool, shape (B, K), optional
            True at a real instance; without it all are real.

        Returns
        -------
        MILOutput
            logits (B,), attention (B, K).
        """
        logits, packed = self.forward_packed(*pack(bags, mask))
        if mask is None:
            return MILOutput(logits, packed.view(bags.shape[:2]))
        return MILOutput(logits, packed.new_zeros(mask.shape).masked_scatter(mask, packed))

    def forward_packed(self, instances: Tensor, sizes: Tensor) -> MILOutput:
        """Classify packed bags: instances (N, …), sizes (B,) → logits (B,), attention (N,).

        Raises
        ------
        ValueError
            When a bag is empty, or the sizes do not sum to N.
        """
        check_sizes(sizes, len(instances))
        return self.classify(self.embed(instances), sizes)

    def extra_repr(self) -> str:
        """Return the option that the layers do not show."""
        return f"pool_logits={self.pool_logits}"

    def embed(self, instances: Tensor) -> Tensor:
        """Return the embedding of each instance (N, …): (N, H)."""
        features = self.encoder(instances)
        if features.shape[-1] != self.input_dim:
            raise ValueError(
                f"features have width {features.shape[-1]}, the model expects {self.input_dim}; "
                "build the model with input_dim equal to the width of your features"
            )
        return self.embedding(features)

    def classify(self, embeddings: Tensor, sizes: Tensor) -> MILOutput:
        """Pool embeddings (N, H) of bags with ``sizes`` (B,) and classify each bag."""
        if self.pool_logits:
            pooled: Pooled = self.pooling(self.instance_logits(embeddings)[:, None], sizes)
            return MILOutput(pooled.values.squeeze(-1), pooled.attention)
        pooled = self.pooling(embeddings, sizes)
        return MILOutput(self.instance_logits(pooled.values), pooled.attention)

    def instance_logits(self, embeddings: Tensor) -> Tensor:
        """Return the logits (N,) of embeddings (N, H) as bags of one, never in half precision."""
        with torch.autocast(embeddings.device.type, enabled=False):
            return self.head(full_precision(embeddings)).squeeze(-1)


class AttentionMIL(MIL):
    """Attention-based deep MIL (Ilse et al. 2018, equations 7 and 8).

    ``attention_dim`` is A; the other parameters are those of ``MIL``.
    """

    attention_layer = AttentionPooling

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        attention_dim: int = 128,
        encoder: nn.Module | None = None,
        dropout: float = 0.0,
    ) -> None:
        hidden_dim = as_integer(hidden_dim, "hidden_dim")
        pooling = self.attention_layer(hidden_dim, attention_dim)
        super().__init__(input_dim, hidden_dim, pooling, encoder=encoder, dropout=dropout)


class GatedAttentionMIL(AttentionMIL):
    """Attention-based deep MIL with gated attention (equation 9)."""

    attention_layer = GatedAttentionPooling


POOLINGS = ("max", "mean", "attention", "gated", "max_embedding", "mean_instance")


def build_model(
    pooling: str,
    input_dim: int,
    hidden_dim: int = 128,
    *,
    encoder: nn.Module | None = None,
    dropout: float = 0.0,
) -> MIL:
    """Build a MIL model by the name of its pooling.

    Parameters
    ----------
    pooling : str
        ``max``: every instance is classified, the highest logit is the bag's.
        ``mean``: the mean embedding is classified. ``attention``, ``gated``: a learned weighted
        mean is. ``max_embedding``: the columnwise maximum is. ``mean_instance``: every instance is
        classified, their probabilities are averaged.
    input_dim, hidden_dim, encoder, dropout
        As in ``MIL``.
    """
    check_pooling(pooling)
    options: dict[str, Any] = {"encoder": encoder, "dropout": dropout}
    if pooling == "attention":
        return AttentionMIL(input_dim, hidden_dim, **options)
    if pooling == "gated":
        return GatedAttentionMIL(input_dim, hidden_dim, **options)
    layer, pool_logits = {
        "max": (MaxPooling(), True),
        "mean": (MeanPooling(), False),
        "max_embedding": (MaxPooling(), False),
        "mean_instance": (MeanProbabilityPooling(), True),
    }[pooling]
    return MIL(input_dim, hidden_dim, layer, pool_logits=pool_logits, **options)


def check_poolings(names: Sequence[str]) -> None:
    """Refuse names that ``build_model`` does not know, one that comes twice, or none at all."""
    if isinstance(names, str) or not isinstance(names, Sequence) or not names:
        raise ValueError(f"poolings must be a list of names, got {shown(names)}")
    for name in names:
        check_pooling(name)
    if len(set(names)) != len(names):
        raise ValueError(f"poolings are {', '.join(names)}; name each that you want once")


def check_pooling(name: str) -> None:
    """Refuse a name that ``build_model`` does not know."""
    if not isinstance(name, str) or name not in POOLINGS:
        raise ValueError(f"unknown pooling {name!r}; choose from {', '.join(POOLINGS)}")
