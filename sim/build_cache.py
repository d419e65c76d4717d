"""Simulation executables that were built, kept for the next time: few, the latest used."""

import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

__all__ = ["Build", "BuildCache", "cache_folder"]

LIMIT = 1 << 30  # Bytes of all builds together.
IN_USE = 3600  # Seconds for which a build that was just taken stays.


class Build(NamedTuple):
    """A simulation executable: its folder, whether it came from the cache, seconds it took."""

    folder: Path
    cached: bool
    seconds: float


def cache_folder():
    """Where builds are kept: ``$XDG_CACHE_HOME/qblif``, else ``~/.cache/qblif``."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "qblif"


class BuildCache:
    """Builds in the folder ``root``, each in one of its own that is named by what it was made of.

    Where they are more than ``limit`` bytes, those go whose last use is longest ago, but none of
    the last hour.
    """

    def __init__(self, root, limit=LIMIT):
        self.root, self.limit = Path(root), limit

    def get(self, kind, made_of, sources, executable, compile_into):
        """The :class:`Build` of the files ``sources``; ``kind`` and the strings ``made_of`` tell it
        from another of the same files.

        Where it is not there, ``compile_into(folder)`` makes the file ``executable``.  Raises
        :class:`OSError` where it cannot be kept.
        """
        started = time.monotonic()
        folder = self.root / f"{kind}-{_key(kind, made_of, sources)}"
        try:
            os.utime(folder)
            return Build(folder, True, time.monotonic() - started)
        except FileNotFoundError:
            pass
        self.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.root, prefix=".build-") as work:
            compile_into(Path(work))
            _keep(Path(work), folder, executable)
        self.evict()
        return Build(folder, False, time.monotonic() - started)

    def evict(self):
        """Remove the builds that are too many."""
        builds = []
        for folder in self.root.glob("[!.]*"):
            try:
                size = sum(file.stat().st_size for file in folder.iterdir())
                builds.append((folder.stat().st_mtime, size, folder))
            except OSError:
                continue  # Another process has just removed it, or it is no build.
        total = sum(size for _, size, _ in builds)
        for used, size, folder in sorted(builds):
            if total <= self.limit or used > time.time() - IN_USE:
                return
            shutil.rmtree(folder, ignore_errors=True)
            total -= size


def _key(kind, made_of, sources):
    state = hashlib.sha256()
    for text in (kind.encode(), *(part.encode() for part in made_of),
                 *(Path(source).read_bytes() for source in sources)):
        state.update(f"{len(text)} ".encode() + text)
    return state.hexdigest()[:20]


def _keep(work, folder, executable):
    """Move the executable, alone, into its place at once, unless another process was faster."""
    kept = work / "kept"
    kept.mkdir()
    shutil.move(work / executable, kept / executable)
    try:
        kept.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
