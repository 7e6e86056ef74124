"""Feature files and weights."""

import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import h5py
import numpy as np
import torch
from feature_folders import grid, write_file

from mil_tutorial.datasets import hdf5
from mil_tutorial.datasets.features.files import describe
from mil_tutorial.datasets.hdf5 import kept_open
from mil_tutorial.system.reading import load_weights, read_arrays
from odd_inputs.case import Case, compare, feature_folder

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def refused(name: str, make: Callable[[Path], Any], error: str) -> Case:
    """A file that is refused when it is opened; the name says its kind."""

    def act(here: Path) -> None:
        path = here / f"s.{name.split()[0]}"
        make(path)
        describe(path)

    return Case(name, act, rf"s\.{name.split()[0]}.*{error}")


def used(name: str, make: Callable[[Path], Any], expected: np.ndarray = X) -> Case:
    """A file whose features are read as float32."""

    def act(here: Path) -> None:
        path = here / f"s.{name.split()[0]}"
        make(path)
        file = describe(path)
        read = file.read()
        assert read.dtype == torch.float32
        assert not read.requires_grad
        np.testing.assert_array_equal(read, expected.astype(np.float32))
        np.testing.assert_array_equal(file.read(torch.tensor([3, 1])), read[[3, 1]])

    return Case(name, act)


def pt(tensor: Any) -> Callable[[Path], Any]:
    return lambda path: torch.save(tensor, path)


def h5(make: Callable[[h5py.File], Any]) -> Callable[[Path], Any]:
    def write(path: Path) -> None:
        kept_open(write_file(path, X), anew=True)  # what was open before must not be read
        with h5py.File(path.with_name("new"), "w") as file:
            make(file)
        path.with_name("new").rename(path)

    return write


def short_storage(path: Path) -> None:
    torch.save(torch.ones(6, 4), path.with_name("whole.pt"))
    with zipfile.ZipFile(path.with_name("whole.pt")) as whole, zipfile.ZipFile(path, "w") as cut:
        for part in whole.infolist():
            content = whole.read(part)
            cut.writestr(part.filename, content[:40] if "/data/" in part.filename else content)


def external_storage(file: h5py.File) -> None:
    secret = Path(file.filename).with_name("secret")
    secret.write_bytes(b"password" * 10)
    file.create_dataset("features", (6, 4), np.uint8, external=[(str(secret), 0, 24)])


def link(file: h5py.File, target: Any) -> None:
    write_file(Path(file.filename).with_name("other.h5"), X)
    file["elsewhere"] = h5py.ExternalLink("other.h5", "features")
    file["features"] = target


def virtual(file: h5py.File, source: str) -> None:
    layout = h5py.VirtualLayout(X.shape, X.dtype)
    layout[:] = h5py.VirtualSource(source, "features", X.shape)
    file.create_virtual_dataset("features", layout)


def unknown_filter(file: h5py.File) -> None:
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk(X.shape)
    properties.set_filter(32015, h5py.h5z.FLAG_OPTIONAL)  # Zstandard
    space = h5py.h5s.create_simple(X.shape)
    stored = h5py.h5d.create(file.id, b"features", h5py.h5t.IEEE_F32LE, space, properties)
    stored.write_direct_chunk((0, 0), b"compressed", 0)


def unfinished(path: Path) -> None:
    """As it is where the program that writes it was killed."""
    with h5py.File(path.with_name("open"), "w", libver="latest") as file:
        file.create_dataset("features", data=X, chunks=X.shape, maxshape=(None, 4))
        file.swmr_mode = True
        path.write_bytes(path.with_name("open").read_bytes())


def declared(shape: tuple[int, int]) -> Callable[[Path], Any]:
    """A file of a few kilobytes that says it holds terabytes: only its first rows were written."""

    def make(file: h5py.File) -> None:
        stored = file.create_dataset("features", shape, np.float32, chunks=(16, shape[1]))
        stored[:16] = 1

    return h5(make)


def lying_header(path: Path) -> None:
    """An array of an .npz whose header promises 4 GB that do not follow."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (10**6, 1000)}
    with zipfile.ZipFile(path, "w") as archive, archive.open("features.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(1000))


def bomb(here: Path) -> None:
    """A compressed .npz whose arrays need more memory than is free."""
    lies = here / "s.npz"
    np.savez_compressed(lies, features=np.zeros((1000, 1000)))
    with patch("mil_tutorial.system.memory.available_memory", return_value=1e6):
        read_arrays(lies, ("features",))


def locked(here: Path) -> None:
    """A file that this process writes while it wants to read it by another door."""
    import fcntl

    path = write_file(here / "s.h5", X)
    with path.open("rb+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        describe(path)


def locked_later(here: Path) -> None:
    """A file that was looked at before another program began to write it."""
    import fcntl

    file = describe(write_file(here / "s.h5", X))
    hdf5._handles.files.clear()
    with file.path.open("rb+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        file.read()


def coords_beside(here: Path) -> None:
    """Coordinates alone in a file of their own, as TRIDENT writes them."""
    (here / "coords").mkdir()
    with h5py.File(here / "coords" / "s.h5", "w") as beside:
        beside["coords"] = 256 * np.arange(2 * len(X)).reshape(-1, 2)
    file = describe(write_file(here / "s.npy", X), here / "coords")
    np.testing.assert_array_equal(file.coords()[:, 0], 512 * np.arange(len(X)))


def no_file_left(here: Path) -> None:
    import resource

    path = write_file(here / "s.h5", X)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
        while True:
            try:
                held.append(path.open("rb"))
            except OSError:
                break
        describe(path)
    finally:
        for file in held:
            file.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def too_large(value: float, here: Path) -> None:
    values = X.astype(np.float64)
    values[4, 2] = value
    describe(write_file(here / "s.npy", values)).read()


def bad_file_in_compare(here: Path) -> None:
    folder, labels = feature_folder(here)
    path = folder / "slide_04.h5"
    path.unlink()
    h5(external_storage)(path)
    compare(folder, labels)


def stamp_names(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["feats"], file["coords"] = X.astype(np.float16), grid(6) * 0.5


def weights_of_text(here: Path) -> None:
    (here / "w.pt").write_text("weights")
    load_weights(here / "w.pt")


MIXED = np.zeros(6, [("a", "f4"), ("b", "f4")])
DEEP = np.ones((2, 2), np.longdouble)

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"

CASES = [
    *(
        refused(f"{kind} not fetched", lambda p: p.write_text(POINTER), "Git LFS.*git lfs pull")
        for kind in ("pt", "npz", "npy", "h5")
    ),
    used("pt with a gradient", pt(torch.from_numpy(X).requires_grad_())),
    used("pt that is a parameter", pt(torch.nn.Parameter(torch.from_numpy(X)))),
    used(
        "pt in bfloat16",
        pt(torch.from_numpy(X).bfloat16()),
        torch.tensor(X).bfloat16().float().numpy(),
    ),
    used(
        "pt that is a view of a larger tensor", pt(torch.from_numpy(np.tile(X, (3, 2)))[6:12, :4])
    ),
    used("pt whose rows are one row, expanded", pt(torch.ones(1, 4).expand(6, 4)), np.ones((6, 4))),
    used("pt imaginary part of conjugates", pt((1 - 1j * torch.from_numpy(X)).conj().imag)),
    used("pt transposed", pt(torch.from_numpy(X.T.copy()).T)),
    used(
        "pt of torch before 1.6",
        lambda p: torch.save(torch.tensor(X), p, _use_new_zipfile_serialization=False),
    ),
    used("npy in Fortran order", lambda p: np.save(p, np.asfortranarray(X))),
    used("npy in the other byte order", lambda p: np.save(p, X.astype(">f8"))),
    used("npy of long doubles", lambda p: np.save(p, X.astype(np.longdouble))),
    used("npy of bytes", lambda p: np.save(p, (X * 9).astype(np.int8)), (X * 9).astype(np.int8)),
    used(
        "npz compressed, with objects beside",
        lambda p: np.savez_compressed(p, features=X, who=np.array([None])),
    ),
    used(
        "h5 in another byte order, compressed",
        h5(
            lambda f: f.create_dataset(
                "features", data=X.astype(">f8"), compression="gzip", shuffle=True
            )
        ),
    ),
    used(
        "h5 with a link inside the file",
        h5(lambda f: f.update({"deep/x": X, "features": h5py.SoftLink("/deep/x")})),
    ),
    used("h5 with the names of STAMP", stamp_names, X.astype(np.float16)),
    refused("pt sparse", pt(torch.from_numpy(X).to_sparse()), "a sparse tensor"),
    refused(
        "pt quantised",
        lambda p: torch.save(torch.quantize_per_tensor(torch.tensor(X), 0.1, 0, torch.qint8), p),
        "a quantised tensor",
    ),
    refused("pt complex", pt(torch.from_numpy(X) + 1j), "a complex tensor"),
    refused("pt without numbers", pt(torch.empty(6, 4, device="meta")), "a meta tensor"),
    refused(
        "pt nested",
        lambda p: torch.save(torch.nested.nested_tensor([torch.ones(2, 4)] * 2), p),
        "a nested tensor",
    ),
    refused("pt of truth values", pt(torch.from_numpy(X) > 0), "type bool, expected numbers"),
    refused("pt of one number", pt(torch.tensor(3.0)), "holds one number"),
    refused("pt shorter than its shape", short_storage, r"40 bytes of numbers, fewer .*\(6, 4\)"),
    refused("pt with a list of tensors", pt([torch.ones(2, 4)] * 2), "holds a list"),
    refused(
        "pt that is a web page", lambda p: p.write_text("<html>404"), r"\(no file of torch\.save\)"
    ),
    refused("pt of a model", pt(torch.nn.Linear(2, 2).state_dict()), "holds a OrderedDict"),
    refused("h5 with external storage", h5(external_storage), "'features' has external storage"),
    refused(
        "h5 with an external link",
        h5(lambda f: link(f, h5py.ExternalLink("other.h5", "features"))),
        "a link to the file other.h5",
    ),
    refused(
        "h5 with a link to such a link",
        h5(lambda f: link(f, h5py.SoftLink("/elsewhere"))),
        "leads to the file .*other.h5",
    ),
    refused(
        "h5 with a link to nothing",
        h5(lambda f: link(f, h5py.SoftLink("/nothing"))),
        "component not found",
    ),
    refused("h5 virtual without its source", h5(lambda f: virtual(f, "gone.h5")), "is virtual"),
    refused("h5 virtual from another file", h5(lambda f: virtual(f, "s.h5")), "is virtual"),
    refused(
        "h5 with a null dataspace",
        h5(lambda f: f.update(features=h5py.Empty("f"))),
        "a null dataspace",
    ),
    refused(
        "h5 with a filter that is not here", h5(unknown_filter), "the filter 32015 .* not installed"
    ),
    refused(
        "h5 declared and never written",
        h5(lambda f: f.create_dataset("features", (6, 4), "f4")),
        "never written",
    ),
    refused("h5 that is still being written", unfinished, r"not closed: .*\(h5clear -s\)"),
    refused("h5 with compound numbers", h5(lambda f: f.update(features=MIXED)), r"type \[\('a'"),
    refused("h5 with text", h5(lambda f: f.update(features=[["a", "b"]])), "type object"),
    refused("h5 with terabytes declared", declared((10**10, 1000)), "1 of its 625000000 chunks"),
    refused("h5 whose writer was killed", declared((40, 4)), "1 of its 3 chunks were written"),
    refused("h5 with features of width 0", h5(lambda f: f.update(features=X[:, :0])), r"\(6, 0\)"),
    refused("npy expanded (N, D, 1)", lambda p: np.save(p, X[..., None]), r"\(6, 4, 1\)"),
    refused("npy structured", lambda p: np.save(p, MIXED), r"shape \(6,\)"),
    refused("npy complex", lambda p: np.save(p, X + 1j), "type complex"),
    refused("npy that is an npz", lambda p: np.savez(p.open("wb"), features=X), "magic string"),
    refused("npz of times", lambda p: np.savez(p, features=X.astype("M8[s]")), "type datetime64"),
    refused("npz whose header lies", lying_header, "shorter than its shape"),
    Case("npz that unpacks to more than the memory", bomb, r"s\.npz says that it holds 0\.008 GB"),
    Case("h5 open in another program", locked, r"s\.h5 is locked: another program has it open"),
    Case("h5 locked while it is used", locked_later, r"^[^ ]*s\.h5 is locked: [^()]*$"),
    Case("h5 of coordinates beside", coords_beside),
    Case("too many open files", no_file_left, r"s\.h5 cannot be read: Too many open files"),
    Case(
        "h5 that is a folder",
        lambda here: ((here / "s.h5").mkdir(), describe(here / "s.h5")),
        r"s\.h5 is not a file",
    ),
    *(
        Case(
            f"the number {value:g}",
            partial(too_large, value),
            r"s\.npy: row 4 holds numbers beyond 1e30; extract",
        )
        for value in (1e300, 3e38)  # the second fits into float32, and sums of its products do not
    ),
    Case("weights that are text", weights_of_text, r"w\.pt cannot be read as weights"),
    Case(
        "a password in the features of one slide",
        bad_file_in_compare,
        "slide_04.h5: 'features' has ext",
    ),
]
