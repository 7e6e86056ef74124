"""Training: one loop for every pooling, watched on validation bags, never on test bags."""

from collections.abc import Callable
from pathlib import Path

from tqdm.auto import tqdm

from mil_tutorial.augmentation import Augmentation
from mil_tutorial.bags import MedicalBagDataset
from mil_tutorial.config import TrainingConfig
from mil_tutorial.history import EpochRecord, History
from mil_tutorial.models import MIL
from mil_tutorial.splits import check_classes, check_groups
from mil_tutorial.training_run import TrainingRun


def fit(
    model: MIL,
    train: MedicalBagDataset,
    val: MedicalBagDataset | None,
    config: TrainingConfig | None = None,
    *,
    augment: Augmentation | None = None,
    checkpoint: Path | str | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    progress: bool = True,
) -> History:
    """Train a model; leave it with the weights of the epoch with the lowest validation loss.

    (Or of the last epoch, where ``config.keep`` says so.)

    The validation loss, not recall or accuracy, picks the epoch: it moves smoothly, and it does not
    reward a model that calls everything positive.

    Processes that a launcher started (see ``processes``) train the model together: every one calls
    ``fit`` with the same bags and settings, works on its share of each batch, and ends with the
    same weights. They are those of one process to within rounding, if there is no dropout,
    augmentation or batch normalisation, whose random numbers and statistics each process has for
    itself.

    Parameters
    ----------
    model : MIL
        Trained in place, on the device it is on.
    train, val : MedicalBagDataset
        Must not share a group, and each must hold both classes. ``val`` may be None where
        ``config.keep`` is "last": nothing is chosen by it then.
    config : TrainingConfig, optional
    augment : callable, optional
        Changes the instances (N, …) of bags with sizes (B,) in training, anew in every epoch; see
        ``mil_tutorial.augmentation``.
    checkpoint : path, optional
        Written after every epoch, by the main process. If it exists, training goes on from it, with
        the same result as if it had never stopped.
    on_epoch : callable, optional
        Called with each new ``EpochRecord``, for live figures.
    progress : bool
        Show a bar.

    Raises
    ------
    ValueError
        For a leak, a split of one class, a checkpoint of another run, a loss that is not finite, an
        entropy weight where the attention is not learnt, or no ``val`` where it picks the epoch.
    """
    config = config or TrainingConfig()
    parts = {"train": train} | ({} if val is None else {"val": val})
    check_groups(**parts)
    check_classes(**parts)
    run = TrainingRun(model, train, val, config, augment)
    path = Path(checkpoint) if checkpoint is not None else None
    if path is not None and path.exists():
        run.restore(path)
    bar = tqdm(
        total=config.epochs,
        initial=len(run.history.epochs),
        disable=None if progress and run.processes.is_main else True,
        unit="epoch",
        leave=False,
    )
    try:
        with bar:
            while not run.finished:
                record = run.epoch()
                if path is not None:
                    run.save(path)
                if on_epoch is not None:
                    on_epoch(record)
                bar.update()
                bar.set_postfix(val_loss=f"{record.val_loss:.3f}", val_auc=f"{record.val_auc:.3f}")
    finally:  # the weights to keep so far, also when the learner presses stop
        model.load_state_dict(run.best_weights)
        model.eval()
    return run.history
