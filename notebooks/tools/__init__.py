"""Parts of ``build.py`` and ``teach.py``: from one source a chapter to all that is made of it."""
