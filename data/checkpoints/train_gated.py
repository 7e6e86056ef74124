"""Train the model that ships: ``python data/checkpoints/train_gated.py --out FILE``, half a minute.

``compare --data slides`` trains the same model with seed 0.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from mil_tutorial import load_benchmark
from mil_tutorial.experiment.trials import train_one
from mil_tutorial.system.files import save_weights


def main(arguments: list[str] | None = None) -> None:
    """Train and write the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where the state dict goes")
    parser.add_argument("--epochs", type=int, help="default: what suits the data")
    options = parser.parse_args(arguments)
    benchmark = load_benchmark("slides")
    config = replace(benchmark.config, epochs=options.epochs or benchmark.config.epochs)
    model, history = train_one(benchmark, "gated", next(iter(benchmark.splits(0))), config)
    save_weights(model.state_dict(), options.out)
    print(f"epoch {history.best_epoch} of {len(history.epochs)}: {history.best}")


if __name__ == "__main__":
    main()
