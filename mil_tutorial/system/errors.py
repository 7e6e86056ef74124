"""Errors of the machine rather than of the program, said in one line."""


def short_of_memory(error: BaseException) -> bool:
    """Return True if numpy, torch or the loader had no memory left, on the CPU or a GPU."""
    text = str(error)
    return (
        isinstance(error, MemoryError)
        or "failed to map segment" in text
        or (
            isinstance(error, RuntimeError)
            and ("DefaultCPUAllocator" in text or "out of memory" in text)
        )
    )


def in_a_line(error: BaseException) -> str:
    """Return what an error says, in one line; its kind where it does not say much by itself."""
    text = " ".join(str(error).split("\n")).strip()
    if short_of_memory(error):
        return text if "memory is short" in text else f"memory is short ({text or 'MemoryError'})"
    if isinstance(error, ValueError | OSError | ImportError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
