"""Errors of the machine rather than of the program, said in one line."""


def short_of_memory(error: BaseException) -> bool:
    """Return True if numpy, torch or the system had no memory left, on the CPU or a GPU."""
    signs = ("DefaultCPUAllocator", "out of memory", "allocate memory", "failed to map segment")
    kinds = RuntimeError | OSError | ImportError  # the last where torch cannot be loaded
    return isinstance(error, MemoryError) or (
        isinstance(error, kinds) and any(sign in str(error) for sign in signs)
    )


def in_a_line(error: BaseException) -> str:
    """Return what an error says, in one line; its kind where it does not say much by itself."""
    text = " ".join(str(error).split("\n")).strip()
    if short_of_memory(error):
        return text if "memory is short" in text else f"memory is short ({text or 'MemoryError'})"
    if isinstance(error, ValueError | OSError | ImportError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
