"""Folders of feature files with a table of labels: the user's own slides as bags."""
