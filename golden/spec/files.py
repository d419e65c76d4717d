"""Files that are written whole or not at all, and locks between processes.  Standard library
only."""

import contextlib
import os
import tempfile
from pathlib import Path

__all__ = ["locked", "write_atomically"]


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` (bytes) to ``path`` through a neighbouring temporary file."""
    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


@contextlib.contextmanager
def locked(path: str | os.PathLike[str]):
    """Hold the lock of the file at ``path``, which is made: one holder at a time, of all threads,
    processes and hosts that see the file.  However a process ends, its locks end with it."""
    import fcntl  # Not on every system on which networks are read.
    with open(path, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
