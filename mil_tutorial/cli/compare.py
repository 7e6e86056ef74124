"""The command ``compare``: poolings on a data set, from the arguments to the report."""

import argparse
import json
import sys
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

from mil_tutorial.cli.arguments import add_out, not_negative, print_warnings, whole_number


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    command.add_argument(
        "--data",
        default="slides",
        help="slides, slides-hard, musk1, musk2, mnist, colon, tcga-brca, tcga-lung, FILE.npz, or "
        "a FOLDER of features",
    )
    command.add_argument(
        "--labels",
        type=Path,
        metavar="FILE.csv",
        help="for a folder: columns slide and label, optionally patient and split or fold",
    )
    command.add_argument(
        "--positive", metavar="NAME", help="which label is 1, if the names do not tell"
    )
    command.add_argument(
        "--split",
        type=Path,
        metavar="FILE.csv",
        help="for a folder: CLAM's splits_0.csv or splits_0_bool.csv, instead of a column",
    )
    command.add_argument(
        "--folds",
        choices=("published", "patient", "site"),
        help="for tcga: the ten published folds, or five by patient or source site (default: "
        "patient)",
    )
    command.add_argument(
        "--label",
        metavar="NAME",
        help="for tcga: subtype, TP53_mut, PIK3CA_mut or (brca) CDH1_mut (default: subtype)",
    )
    command.add_argument(
        "--group",
        metavar="COLUMN",
        help="for a folder: a column of the labels, such as a hospital or scanner; what shares its "
        "value stays together, as a patient does",
    )
    command.add_argument(
        "--allow-leak",
        action="store_true",
        help="train and test although patients are on both sides, to repeat a published protocol",
    )
    command.add_argument(
        "--slides",
        type=Path,
        metavar="FOLDER",
        help="the whole slides; heat maps are drawn on up to four",
    )
    command.add_argument(
        "--seeds",
        type=whole_number,
        default=5,
        help="number of runs, each with its own seed (default: 5)",
    )
    add_out(command, "results")
    command.add_argument(
        "--poolings",
        nargs="+",
        default=["max", "mean", "attention", "gated"],
        metavar="NAME",
        help="of max, mean, attention, gated, max_embedding, mean_instance (default: first four)",
    )
    command.add_argument(
        "--epochs",
        type=whole_number,
        help="passes over the training bags (default: depends on the data)",
    )
    command.add_argument(
        "--batch-size", type=whole_number, help="bags per step (default: depends on the data)"
    )
    command.add_argument(
        "--members",
        type=whole_number,
        help="models of each seed and fold, whose mean judges (default: depends on the data)",
    )
    command.add_argument(
        "--instances-per-bag",
        type=whole_number,
        metavar="N",
        help="train on a sample of N instances of each bag, a new one each epoch (default: all)",
    )
    command.add_argument(
        "--instances-at-once",
        type=whole_number,
        metavar="N",
        help="compute on N instances at a time: same result, less memory (default: all)",
    )
    command.add_argument(
        "--precision",
        choices=("float32", "bfloat16", "float16"),
        help="of matrix products in training (default: float32, or the launcher's setting)",
    )
    command.add_argument(
        "--workers",
        type=not_negative,
        metavar="N",
        help="processes that read training bags in advance (default: 0)",
    )
    command.add_argument(
        "--checkpoints",
        type=Path,
        metavar="FOLDER",
        help="save the state of every training there; the same command resumes from it",
    )
    command.add_argument(
        "--keep",
        dest="keep_models",  # the settings of a training have a `keep` of their own
        action="store_true",
        help="write the models of each pooling into one file, for the command predict",
    )
    command.add_argument(
        "--jobs",
        type=whole_number,
        default=1,
        help="processes that share the trainings (default: 1), at most one per core; each takes "
        "half a gigabyte and its own copy of data in memory; results do not change",
    )
    command.add_argument(
        "--train-bags", type=whole_number, help="for mnist: bags to train on (default: 100)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Train and test the poolings, write the report and print its table.

    All input is checked first. Of several processes that were launched, the main one writes.
    """
    from mil_tutorial.experiment.catalogue import load_benchmark
    from mil_tutorial.experiment.keeping import check_keepable, kept_bytes
    from mil_tutorial.experiment.report import check_report, write_report
    from mil_tutorial.experiment.run import run_experiment
    from mil_tutorial.experiment.slide_heatmaps import find_slides, slide_figures
    from mil_tutorial.experiment.summary import Summary
    from mil_tutorial.experiment.tables import as_markdown, as_results
    from mil_tutorial.models.mil import check_poolings
    from mil_tutorial.system.distributed import this_process
    from mil_tutorial.system.files import check_writable

    data, out = arguments.data, arguments.out
    check_poolings(arguments.poolings)
    check_report(out, inputs=filter(None, (arguments.labels, arguments.split)))
    processes = this_process()
    if arguments.checkpoints is not None:
        check_writable(arguments.checkpoints)
    if arguments.train_bags is not None and data != "mnist":
        raise ValueError(f"--train-bags is for mnist; {data} comes with its bags")
    benchmark = print_warnings(
        load_benchmark,
        data,
        train_bags=arguments.train_bags or 100,
        labels=arguments.labels,
        positive=arguments.positive,
        split=arguments.split,
        folds=arguments.folds,
        label=arguments.label,
        group=arguments.group,
        allow_leak=arguments.allow_leak,
    )
    slides: dict[str, Path] = {}
    if arguments.slides is not None:
        slides = print_warnings(find_slides, arguments.slides, benchmark.test, benchmark.name)
    kept = 0
    if arguments.keep_models:
        check_keepable(benchmark)
        kept = kept_bytes(
            benchmark,
            arguments.poolings,
            arguments.seeds * benchmark.n_folds,
            arguments.members or benchmark.members,
        )
    check_report(out, len(arguments.poolings) * arguments.seeds * len(benchmark.test), kept=kept)
    options = vars(arguments) | {"precision": arguments.precision or processes.precision}
    names = [field.name for field in fields(benchmark.config)]
    settings = {name: options[name] for name in names if options.get(name) is not None}
    experiment = run_experiment(
        benchmark,
        poolings=arguments.poolings,
        seeds=arguments.seeds,
        members=arguments.members,
        keep_models=arguments.keep_models,
        config=replace(benchmark.config, **settings),
        jobs=arguments.jobs,
        checkpoints=arguments.checkpoints,
        before_training=partial(_warn_of_replacement, out) if processes.is_main else None,
    )
    if not processes.is_main:
        return 0
    figures = slide_figures(experiment, slides) if slides else {}
    try:
        report = print_warnings(write_report, experiment, out, figures, keep=arguments.keep_models)
    except OSError:
        print(as_markdown(as_results(Summary(experiment))))  # hours of training end in it
        raise
    print(as_markdown(report.results))
    print(f"Written to {out}/: {', '.join(report.files)}")
    return 0


def _warn_of_replacement(out: Path) -> None:
    """Warn, while there is time to stop, of what the report will replace in its folder."""
    from mil_tutorial.experiment.report import FIGURES, MODELS, TABLES

    names = [name for name in (*TABLES, *FIGURES, *MODELS) if (out / name).is_file()]
    if not names:
        return
    try:
        earlier = json.loads((out / "config.json").read_text(encoding="utf-8"))["data"]
        held = f"a report on {earlier}"
        if models := [name for name in MODELS if name in names]:
            held += f" with the models {', '.join(models)}"
    except (OSError, ValueError, KeyError, TypeError):
        held = ", ".join(names)
    print(
        f"warning: {out} holds {held}; the new report will replace it when it is complete. To keep "
        "it, stop now and choose another --out",
        file=sys.stderr,
    )
