"""Named random streams.

Every part of a slide draws from a stream of its own. Whether a lesion is drawn can
therefore not shift a single random number of the tissue, the stain or the artefacts.
"""

from __future__ import annotations

import zlib

import numpy as np


def stream(name: str, *keys: int | str) -> np.random.Generator:
    """Return the random generator that belongs to a name and some keys.

    Parameters
    ----------
    name : str
        What the stream is for, such as ``"stain"``.
    *keys : int or str
        What it belongs to: a slide's seed, a patient, a hospital.

    Returns
    -------
    numpy.random.Generator
        The same one for the same arguments, on every machine.
    """
    words = [_word(name), *(_word(key) for key in keys)]
    return np.random.default_rng(np.random.SeedSequence(words))


def _word(key: int | str) -> int:
    """Turn a key into an integer; `hash` would differ between two runs of Python."""
    return zlib.crc32(key.encode()) if isinstance(key, str) else int(key)
