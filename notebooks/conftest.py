"""Notebooks are tested in fast mode, each kernel with one thread."""

import os

os.environ["MIL_TUTORIAL_FAST"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"
