"""Folders of feature files for tests."""

import h5py
import numpy as np
import torch


def toy_bags(n_bags=30, width=6, seed=0):
    """Return {name: (features (n, D), label, patient)}; one tile of a positive differs."""
    rng = np.random.default_rng(seed)
    bags = {}
    for i in range(n_bags):
        features = rng.normal(size=(rng.integers(3, 9), width)).astype(np.float32)
        if i % 2:
            features[0] += 3
        bags[f"slide_{i:02}"] = (features, i % 2, f"p{i // 4}{i % 2}")
    return bags


def grid(n, side=256):
    """Coordinates of n tiles, four in a row."""
    return side * np.stack([np.arange(n) % 4, np.arange(n) // 4], axis=1)


def write_file(path, features, coords=None):
    """Write one file, anew if it is there; its ending tells its kind."""
    path.unlink(missing_ok=True)
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["features"] = features
            if coords is not None:
                file["coords"] = coords
    elif path.suffix == ".pt":
        torch.save(torch.from_numpy(np.asarray(features)), path)
    elif path.suffix == ".npz":
        np.savez(path, features=features, **({} if coords is None else {"coords": coords}))
    else:
        np.save(path, features)
    return path


def write_folder(folder, bags, ending=".h5"):
    folder.mkdir(parents=True, exist_ok=True)
    for name, (features, _, _) in bags.items():
        write_file(folder / f"{name}{ending}", features, grid(len(features)))
    return folder


def write_labels(path, bags, columns=("slide", "label", "patient"), **more):
    """Write the table; ``more`` are further columns, name → list."""
    rows = [",".join([*columns, *more])]
    for i, (name, (_, label, patient)) in enumerate(bags.items()):
        known = (name, str(label), patient)[: len(columns)]
        rows.append(",".join([*known, *(values[i] for values in more.values())]))
    path.write_text("\n".join(rows) + "\n")
    return path
