"""Known wrong answers of chapter 02 must fail, each with the message that names it."""

import copy

import numpy as np
import pytest
import torch
from verdicts import by_check, expect_state

from mil_tutorial import MedicalBagDataset
from mil_tutorial.checks import chapter_02 as checks


class Bags(MedicalBagDataset):
    """The package's class, to be spoilt in one place each."""

    def __init__(self, bags, groups=None):
        super().__init__(bags, groups=groups)


class Trusting:
    """Takes everything; ``broken`` tells what it refuses all the same."""

    def __init__(self, bags, groups=None):
        self.groups, self.items = groups, []
        for i, (features, label) in enumerate(bags):
            x = torch.as_tensor(features, dtype=torch.float32)
            try:
                y = float(label)
            except (TypeError, ValueError, RuntimeError):
                y = float("nan")
            if problem := self.broken(x, y):
                self.refuse(i, problem)
            else:
                self.items.append((x, torch.tensor(y)))

    def broken(self, x, y):
        if len(x) == 0:
            return "empty"
        return "not finite" if not x.isfinite().all() else "label" if y not in (0, 1) else ""

    def refuse(self, i, problem):
        raise ValueError(f"bag {i}: {problem}")

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


class NoChecks(Trusting):
    def broken(self, x, y):
        return ""


class NoFiniteCheck(Trusting):
    def broken(self, x, y):
        return "empty" if len(x) == 0 else "" if y in (0, 1) else "label"


class OnlyNaN(Trusting):
    def broken(self, x, y):
        problem = super().broken(x, y)
        return "" if problem == "not finite" and not x.isnan().any() else problem


class TruthyLabel(Trusting):
    def broken(self, x, y):
        return "" if (problem := super().broken(x, y)) == "label" else problem


class Nameless(Trusting):
    def refuse(self, i, problem):
        raise ValueError(f"a bag is broken: {problem}")


class FromOne(Trusting):
    def refuse(self, i, problem):
        super().refuse(i + 1, problem)


class LeavesOut(Trusting):
    def refuse(self, i, problem):
        pass


class NumbersInPassing(Trusting):
    def refuse(self, i, problem):
        raise ValueError(f"one of 3 checks failed: {problem}")


class CountsDown(Trusting):
    def refuse(self, i, problem):
        raise ValueError(f"bag {[4, 0, 2, 3, 1][i]}: {problem}")


class Asserts(Trusting):
    def refuse(self, i, problem):
        raise AssertionError(problem)


class TypeErrors(Trusting):
    def refuse(self, i, problem):
        raise TypeError(f"bag {i}")


class OnlyIntegers(Bags):
    def __init__(self, bags, groups=None):
        bags = list(bags)
        for i, (_, label) in enumerate(bags):
            if not isinstance(label, int):
                raise ValueError(f"bag {i}: the label is no integer")
        super().__init__(bags, groups)


class InPlace(Bags):
    """Writes into the features it is given, before it makes items of them."""

    def __init__(self, bags, groups=None):
        for features, _ in bags:
            if isinstance(features, torch.Tensor):
                features.zero_()
        super().__init__(bags, groups)


class InPlaceAfterwards(Bags):
    """Makes good items, and spoils the caller's features."""

    def __init__(self, bags, groups=None):
        super().__init__([(copy.deepcopy(features), label) for features, label in bags], groups)
        for features, _ in bags:
            if isinstance(features, torch.Tensor):
                features.zero_()


class Fails(Bags):
    def __len__(self):
        raise KeyError("n")


class NumberedGroups(Bags):
    def __init__(self, bags, groups=None):
        super().__init__(bags, groups)
        self.groups = 5


class Init(Bags):
    def __getitem__(self, index):
        return None


class Stub:
    def __init__(self, bags, groups=None):
        self.items = []

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index): ...


def item(change):
    """A data set whose items are changed."""

    class Changed(Bags):
        def __getitem__(self, index):
            return change(*super().__getitem__(index))

    return Changed


def shifted(bags, groups=None):
    dataset = Bags(bags, groups)
    dataset.instances = dataset.instances[1:] + dataset.instances[:1]
    return dataset


def by_slide(patients, share, seed):
    return np.random.default_rng(seed).random(len(patients)) < share


def in_order(patients, share, seed):
    names = np.unique(patients)
    return np.isin(patients, names[: round(share * len(names))])


def right_split(patients, share, seed):
    names = sorted(set(patients.tolist()))
    torch.manual_seed(seed)
    order = torch.randperm(len(names))[: int(share * len(names))]
    chosen = {names[i] for i in order}
    return torch.tensor([p in chosen for p in patients.tolist()])


def unseeded(patients, share, seed):
    return right_split(patients, share, np.random.default_rng().integers(10**9))


def with_replacement(patients, share, seed):
    names = np.unique(patients)
    drawn = np.random.default_rng(seed).choice(names, round(share * len(names)))
    return np.isin(patients, drawn[: len(drawn) // 2])


def by_patient_list(patients, share, seed):
    return np.random.default_rng(seed).random(len(np.unique(patients))) < share


def cut_in_order_of_slides(patients, share, seed):
    return np.arange(len(patients)) < share * len(patients)


def sorted_names(folders):
    names = sorted(set(folders))
    return [names.index(folder) for folder in folders]


def first_seen(folders):
    names = list(dict.fromkeys(["normal", *folders]))
    return [names.index(folder) for folder in folders]


LABELS = {
    "integer tensor": (lambda x, y: (x, y.long()), "dtype torch.int64, expected torch.float32"),
    "boolean tensor": (lambda x, y: (x, y.bool()), "dtype torch.bool, expected torch.float32"),
    "float64 tensor": (lambda x, y: (x, y.double()), "dtype torch.float64, expected torch.float32"),
    "int": (lambda x, y: (x, int(y)), "of type int, expected a float tensor"),
    "float": (lambda x, y: (x, float(y)), "of type float, expected a float tensor"),
    "bool": (lambda x, y: (x, bool(y)), "of type bool, expected a float tensor"),
    "word": (lambda x, y: (x, "tumour" if y else "normal"), "of type str, expected a float tensor"),
    "one-hot tensor": (lambda x, y: (x, torch.stack([1 - y, y])), "not one-hot"),
    "one-hot list": (lambda x, y: (x, [0.0, 1.0]), "not one-hot"),
    "brackets": (lambda x, y: (x, y[None]), "no brackets"),
    "flipped": (lambda x, y: (x, 1 - y), "is 0, expected 1"),
}
INSTANCES = {
    "numpy": (lambda x, y: (x.numpy(), y), "came as ndarray, expected a tensor"),
    "float64": (lambda x, y: (x.double(), y), "float32, and they do not multiply"),
    "transposed": (lambda x, y: (x.T, y), "came in shape (2, 3), expected (3, 2)"),
    "pooled": (lambda x, y: (x.mean(0), y), "came in shape (2,), expected (3, 2)"),
    "swapped": (lambda x, y: (y, x), "return (instances, label)"),
    "instances alone": (lambda x, y: x, "expected (instances, label)"),
    "dictionary": (lambda x, y: {"x": x, "y": y}, "came as dict"),
}
ITEMS = {**LABELS, **INSTANCES}
ZOO = [
    *((checks.check_bag_dataset, item(change), message) for change, message in ITEMS.values()),
    (checks.check_bag_dataset, NoChecks, "bag 3 of 5 is empty, and the data set took it"),
    (checks.check_bag_dataset, NoFiniteCheck, "holds one NaN, and the data set took it"),
    (checks.check_bag_dataset, OnlyNaN, "holds infinity, and the data set took it"),
    (checks.check_bag_dataset, TruthyLabel, "has the label 2, and the data set took it"),
    (checks.check_bag_dataset, Nameless, "does not say which bag"),
    (checks.check_bag_dataset, FromOne, "Count bags from 0"),
    (checks.check_bag_dataset, NumbersInPassing, "bag 1 of 5 is empty, and the message does not"),
    (checks.check_bag_dataset, CountsDown, "bag 1 of 5 is empty, and the message does not"),
    (
        checks.check_bag_dataset,
        "MedicalBagDataset",
        "object of type str, expected the class itself",
    ),
    (checks.check_bag_dataset, Bags([(torch.ones(3, 2), 1)]), "expected the class itself"),
    (checks.check_bag_dataset, NumberedGroups, "dataset.groups is not what was given"),
    (checks.check_bag_dataset, InPlace, "tensor of instances of item 0 at [0, 0] is 0"),
    (checks.check_bag_dataset, InPlaceAfterwards, "changes the features it is given"),
    (checks.check_bag_dataset, Fails, "your code raised KeyError for len(dataset)"),
    (checks.check_bag_dataset, LeavesOut, "silently left out"),
    (checks.check_bag_dataset, Asserts, "an assert is skipped"),
    (checks.check_bag_dataset, TypeErrors, "raised TypeError"),
    (checks.check_bag_dataset, OnlyIntegers, "your code raised ValueError for bags whose labels"),
    (checks.check_bag_dataset, Init, "__getitem__ must return (instances, label)"),
    (checks.check_bag_dataset, shifted, "came in shape (1, 2), expected (3, 2)"),
    (checks.check_bag_dataset, lambda bags, groups=None: Bags(bags[:4], groups[:4]), "length 4"),
    (
        checks.check_bag_dataset,
        lambda bags, groups=None: Bags(bags),
        "groups is not what was given",
    ),
    (checks.check_leak_chance, 0.1875, "only one of two ways"),
    (checks.check_leak_chance, 0.25, "one slide alone"),
    (checks.check_leak_chance, 0.5625, "both slides are in training"),
    (checks.check_leak_chance, 0.625, "on the same side"),
    (checks.check_leak_chance, 0.9, "too large"),
    (checks.check_split_by_patient, by_slide, "Draw patients, not slides"),
    (checks.check_split_by_patient, cut_in_order_of_slides, "Draw patients, not slides"),
    (checks.check_split_by_patient, in_order, "shuffle the patients with seed"),
    (checks.check_split_by_patient, unseeded, "gave two different splits"),
    (checks.check_split_by_patient, with_replacement, "without replacement"),
    (checks.check_split_by_patient, by_patient_list, "one entry per patient (40)"),
    (checks.check_split_by_patient, lambda p, s, k: ~right_split(p, s, k), "True means validation"),
    (checks.check_split_by_patient, lambda p, s, k: np.arange(9), "not indices"),
    (checks.check_split_by_patient, lambda p, s, k: np.unique(p)[:10], "np.isin(patients, names)"),
    (checks.check_split_by_patient, lambda p, s, k: (p, p), "returned a tuple"),
    (checks.check_split_by_patient, lambda p, s, k: list(p[:9]), "np.isin(patients, names)"),
    (checks.check_split_by_patient, lambda p, s, k: {"P01": True}, "a dict, expected one boolean"),
    (checks.check_split_by_patient, lambda p, s, k: set(p[:9]), "a set, expected one boolean"),
    (checks.check_split_by_patient, lambda p, s, k: (x for x in p), "a generator, expected one"),
    (checks.check_split_by_patient, lambda p, s, k: [None] * len(p), "dtype object, expected bool"),
    (checks.check_split_by_patient, lambda p, s, k: p != p, "no slide is in validation"),
    (checks.check_folder_labels, sorted_names, "The bug is still there"),
    (checks.check_folder_labels, lambda f: [int(x == "normal") for x in f], "are flipped"),
    (
        checks.check_folder_labels,
        lambda f: [int(x == "tumour") for x in f],
        "expected 1 (folders m",
    ),
    (checks.check_folder_labels, lambda f: [int(x != "normal") for x in f], "silently got the"),
    (checks.check_folder_labels, first_seen, "silently got the label 1"),
    (checks.check_folder_labels, lambda f: f, "expected numbers"),
    (
        checks.check_folder_labels,
        lambda f: [{"normal": "0", "tumour": "1", "metastasis": "1"}[x] for x in f],
        "got ['0', '1', '0'], expected numbers",
    ),
]


@pytest.mark.parametrize(("check", "answers"), by_check(ZOO))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


def test_a_stub_is_not_attempted():
    assert checks.check_bag_dataset.judge(Stub).state == "open"
    assert checks.check_bag_dataset.judge(...).state == "open"
    assert checks.check_split_by_patient.judge(lambda *_: ...).state == "open"
    assert checks.check_leak_chance.judge(...).state == "open"


def test_right_data_sets_pass():
    answers = [(MedicalBagDataset,), (Bags,), (Trusting,)]
    expect_state(checks.check_bag_dataset, answers, "right")


def test_an_answer_that_overwrites_its_lists_leaves_the_check_as_it_was():
    def cleans(bags, groups=None):
        try:
            return Trusting(bags, groups)
        finally:
            for features, _ in bags:
                if isinstance(features, list):
                    features[-1][-1] = features[0][-1] = 0.0

    checks.check_bag_dataset.judge(cleans)
    assert checks.check_bag_dataset.judge(Trusting).state == "right"


def test_right_answers_in_another_style_pass():
    assert checks.check_split_by_patient.judge(right_split).state == "right"
    as_list = checks.check_split_by_patient.judge(lambda *args: right_split(*args).tolist())
    assert as_list.state == "right"
    assert checks.check_leak_chance.judge(3 / 8).state == "right"
    mapping = {"normal": False, "tumour": True, "metastasis": True}
    by_tensor = checks.check_folder_labels.judge(lambda f: torch.tensor([mapping[x] for x in f]))
    assert by_tensor.state == "right"
