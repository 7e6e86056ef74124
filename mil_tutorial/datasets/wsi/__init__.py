"""Whole slides: where the tissue is, its tiles at a given µm/px, and their frozen features."""
