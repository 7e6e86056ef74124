"""The machine: paths, files, downloads, jobs, processes, memory, versions; nothing about bags."""
