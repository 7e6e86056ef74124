"""Models: pooling layers, the MIL model, encoders; a bag of any size in chunks."""

from mil_tutorial.system.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__, {"mil": ("MIL", "AttentionMIL", "GatedAttentionMIL", "MILOutput", "build_model")}
)
