"""A small clone of HIPT with made numbers, for tests: 24 slides of 20 patients and 6 sites."""

import csv
import io
import zipfile

import numpy as np
import torch

from mil_tutorial.datasets import tcga_files
from mil_tutorial.datasets.tcga_files import BAGS, MUTATIONS, SPLITS, TABLES, digests

STUDY = TABLES.split("/")[0]


def make_clone(folder, monkeypatch, data):
    """Write the clone to ``folder``, and checksums of its contents in place of the published."""
    rng = np.random.default_rng(0)
    for cohort, codes in (("brca", "IDC ILC MDLC"), ("lung", "LUAD LUSC LUAD")):
        slides = []
        for i in range(24):
            patient = f"TCGA-{'ABCDEF'[i % 20 % 6]}{cohort[0].upper()}-{i % 20:04}"
            slides.append((f"{patient}-01Z-00-DX{i}.X", patient, codes.split()[i % 7 % 3]))
        _write_table(folder / TABLES / f"tcga_{cohort}_subset.csv.zip", cohort, slides)
        (folder / BAGS).mkdir(parents=True, exist_ok=True)
        for i, (slide, _, code) in enumerate(slides):
            features = rng.normal(size=(1 + i % 4, 192)).astype(np.float32)
            features[:, 0] += 3 * (code == codes.split()[1])
            torch.save(torch.from_numpy(features), folder / BAGS / f"{slide}.pt")
        for k in range(10):
            drawn = rng.permutation([slide for slide, _, code in slides if code != "MDLC"])
            order = sorted(drawn.tolist(), key={slide: code for slide, _, code in slides}.get)
            train, val, test = (order[i::3] for i in range(3))  # both classes in each
            place = folder / STUDY / "splits" / SPLITS / f"tcga_{cohort}" / f"splits_{k}.csv"
            place.parent.mkdir(parents=True, exist_ok=True)
            _write_split(place, [*train, "TCGA-ZZ-0000-01Z-00-DX1.X"], val, test)
    monkeypatch.setattr(tcga_files, "data_dir", lambda: data)
    (data / "tcga").mkdir(parents=True)
    for cohort in MUTATIONS:
        with monkeypatch.context() as patch:
            patch.setattr(tcga_files, "_check_published", lambda *_: None)
            known = digests(tcga_files.read_slides(cohort, folder))
        lines = "".join(f"{digest}  {name}\n" for name, digest in known.items())
        (data / "tcga" / f"tcga_{cohort}.SHA256SUMS").write_text(lines)
    return folder


def _write_table(path, cohort, slides):
    text = io.StringIO()
    writer = csv.writer(text)
    genes = MUTATIONS[cohort]
    head = ["", "case_id", "slide_id", "age", "site", "survival_months", "censorship"]
    writer.writerow([*head, "is_female", "oncotree_code", "train", "DMD_mut", *genes])
    for i, (slide, patient, code) in enumerate(slides):
        row = [i, patient, f"{slide}.svs", 60 + i, patient.split("-")[1], 1.5 * i, i % 2, 1, code]
        writer.writerow([*row, 1, 0, *((i + g) % 2 for g in range(len(genes)))])
    write_zip(path, text.getvalue())


def write_zip(path, text, extra=()):
    """Write a table as the original does: a CSV under an odd name that points out of the zip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in (f"../{path.name}", *extra):
            archive.writestr(name, text)


def _write_split(path, train, val, test):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["", "train", "val", "test"])
        for i, slide in enumerate(train):
            cells = [part[i] if i < len(part) else "" for part in (val, test)]
            writer.writerow([i, slide, *cells])
