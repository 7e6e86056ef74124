"""The trained model that ships: gated attention on the shipped slides, for a first look.

It is what ``compare --data slides`` trains with seed 0; ``python -m mil_tutorial.trained_model
--out FILE`` makes it again in about half a minute.
"""

import argparse
import sys
from pathlib import Path

from mil_tutorial.checkpoints import load_weights, save_atomically
from mil_tutorial.datasets.paths import data_dir, verify_checksum
from mil_tutorial.models import MIL, build_model

FILE = "gated_slides.pt"


def load_trained_model() -> MIL:
    """Return gated attention trained on the 204 training slides, ready to predict.

    It takes features (N, 64) of the shipped tile encoder. Its epoch was chosen on the validation
    slides; it has not seen the test slides.
    """
    model = build_model("gated", input_dim=64, hidden_dim=128, dropout=0.5)
    model.load_state_dict(load_weights(verify_checksum(data_dir() / "checkpoints" / FILE)))
    return model.eval()


def main(arguments: list[str] | None = None) -> int:
    """Train and write the model."""
    from dataclasses import replace

    from mil_tutorial.datasets import load_benchmark
    from mil_tutorial.trial import train_one

    parser = argparse.ArgumentParser(prog="python -m mil_tutorial.trained_model")
    parser.add_argument("--out", type=Path, required=True, help="where the state dict goes")
    parser.add_argument("--epochs", type=int, help="default: what suits the data")
    options = parser.parse_args(arguments)
    benchmark = load_benchmark("slides")
    config = replace(benchmark.config, epochs=options.epochs or benchmark.config.epochs)
    model, history = train_one(benchmark, "gated", next(iter(benchmark.splits(0))), config)
    save_atomically(model.state_dict(), options.out)
    print(f"epoch {history.best_epoch} of {len(history.epochs)}: {history.best}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
