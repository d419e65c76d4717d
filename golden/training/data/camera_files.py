"""Files of event cameras that the library faery reads: .aedat4, .es, Prophesee's .raw (EVT 2.0, 2.1
and 3.0) and .dat, and .csv.  What it takes for events in any file is checked here first."""

import functools
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ...spec.errors import InvalidValue
from .recordings import check_camera, check_within

__all__ = ["SUFFIXES", "camera_extents", "read_camera"]

TYPES = {".aedat4": "aedat", ".es": "es", ".raw": "evt", ".dat": "dat", ".csv": "csv"}
SUFFIXES = tuple(TYPES)
EVENT = np.dtype([("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("p", "?")])

HEADER = 1 << 16  # Bytes in which a header ends.
HEADER_LINES = re.compile(rb"(?:%[ -~\t]*\r?\n)*")
EVT = re.compile(rb"% evt (\d\.\d)|format EVT(\d)(\d?)")
WORD = {"2.0": 4, "2.1": 8, "3.0": 2}  # Bytes, by the version of EVT.
DAT_HEAD, DAT_WORD = 2, 8
COLUMNS = {"t": "t_index", "x": "x_index", "y": "y_index", "p": "on_index", "on": "on_index"}


def read_camera(path: Path) -> Any:
    """``(t, x, y, p)`` of a camera's file, t in microseconds; faery gives a time that lies before
    another's the later one.

    Raises :class:`ValueError` for a damaged or foreign file, and where faery is missing.
    """
    return _read(path, _stamp(path))[1]


def camera_extents(path: Path) -> tuple[int, int]:
    """(rows, columns) of the camera of a file.

    Raises :class:`ValueError` as :func:`read_camera`, and where the file does not say them.
    """
    extents = _read(path, _stamp(path))[0]
    if extents is None:
        raise InvalidValue(f"{path}: does not say how many pixels its camera has")
    return extents


def _stamp(path):
    """Time and size of the file: another one is another recording."""
    try:
        state = path.stat()
    except OSError as error:
        raise InvalidValue(f"{path}: unreadable ({error.strerror})") from error
    return state.st_mtime_ns, state.st_size


@functools.lru_cache(maxsize=1)  # Whoever asks for a file's size reads its events next.
def _read(path, stamp) -> tuple[Any, Any]:
    kind = TYPES[path.suffix]
    check = {"evt": _check_evt, "dat": _check_dat, "csv": _check_csv}.get(kind)
    try:
        with path.open("rb") as file:
            columns = check(path, file.read(HEADER), stamp[1]) if check else {}
    except OSError as error:
        raise InvalidValue(f"{path}: unreadable ({error.strerror})") from error
    if importlib.util.find_spec("faery") is None:
        raise InvalidValue(f"{path}: reading {path.suffix} needs faery: pip install "
                           "'qblif[events]'")
    answer, data = _ask(path, kind, columns)
    if "error" in answer:
        raise InvalidValue(f"{path}: damaged, or no {path.suffix} file of events "
                           f"({answer['error']})")
    events = np.frombuffer(data, EVENT)
    if not len(events):
        raise InvalidValue(f"{path}: holds no events")
    extents = answer["extents"] and check_camera(path, tuple(answer["extents"]))
    t, x, y, p = (events[field].astype(np.int64) for field in "txyp")
    return extents, check_within(path, extents or (1 << 16,) * 2, t, x, y, p)


def _ask(path, kind, columns):
    """Answer and bytes of :mod:`.camera_decoder`."""
    process = _decoder(os.getpid())
    assert process.stdin and process.stdout
    request = json.dumps({"path": str(path.resolve()), "type": kind, "columns": columns})
    try:
        process.stdin.write(request.encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        data = process.stdout.read(answer.get("bytes", 0))
        if len(data) < answer.get("bytes", 0):
            raise EOFError
    except (OSError, ValueError, EOFError):  # It is gone, and so is its answer.
        _decoder.cache_clear()
        process.kill()
        process.communicate()
        return {"error": "faery crashed on it"}, b""
    return answer, data


@functools.lru_cache(maxsize=1)
def _decoder(_):
    """The process of the decoder; each process that reads has its own."""
    file = Path(__file__).with_name("camera_decoder.py")
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # Each thread reserves memory.
    return subprocess.Popen([sys.executable, "-P", file], env=environment, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _header(path, head):
    """The lines with % in front."""
    found = HEADER_LINES.match(head)
    lines = found[0] if found else b""
    if head[len(lines):].startswith(b"% "):  # faery would take the rest for events.
        raise InvalidValue(f"{path}: its header must be ASCII text, not {head[len(lines):][:24]!r}")
    return lines


def _check_evt(path, head, size):
    lines = _header(path, head)
    found = EVT.search(lines)
    version = found and (found[1] or b"%s.%s" % (found[2], found[3] or b"0")).decode()
    if version not in WORD:
        raise InvalidValue(f"{path}: must start with a header that names EVT "
                           f"{', '.join(WORD)}, not {version or repr(head[:8])}")
    _check_words(path, size - len(lines), WORD[version])
    return {}


def _check_dat(path, head, size):
    lines = _header(path, head)
    if not lines:
        raise InvalidValue(f"{path}: must start with a header of lines with %, not {head[:8]!r}")
    _check_words(path, size - len(lines) - DAT_HEAD, DAT_WORD)
    return {}


def _check_words(path, size, word):
    if size < 0 or size % word:
        raise InvalidValue(f"{path}: truncated, its events are no whole words of {word} bytes")


def _check_csv(path, head, size):
    """Where faery finds t, x, y and p."""
    first = head.split(b"\n", 1)[0].decode("ascii", "replace").strip()
    names = [name.split("@")[0].strip().lower() for name in first.split(",")]
    columns = {COLUMNS[name]: k for k, name in enumerate(names) if name in COLUMNS}
    if len(columns) < 4:
        raise InvalidValue(f"{path}: must start with a line that names the columns t, x, y and p, "
                           f"not {first[:40]!r}")
    return columns
