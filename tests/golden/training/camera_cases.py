"""Small files of event cameras, as the library faery writes them."""

import faery
import numpy as np

# Name of a file, and the version for faery where there are several.
FORMATS = {"a.aedat4": None, "a.es": None, "evt2.raw": "evt2", "evt3.raw": "evt3", "a.dat": "dat2",
           "old.dat": "dat1", "a.csv": None}


def events(count=60, extents=(20, 30), seed=0):
    """``(t, x, y, p)`` from 0 us on; polarities and places are all there are."""
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, 5000, count))
    t[0] = 0  # A file of .es has times from its first event on.
    return (t, rng.integers(0, extents[1], count), rng.integers(0, extents[0], count),
            rng.integers(0, 2, count))


def write_camera(path, t, x, y, p, extents=(20, 30), version=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.zeros(len(t), faery.EVENTS_DTYPE)
    for name, values in zip(("t", "x", "y", "on"), (t, x, y, p), strict=True):
        array[name] = values
    faery.events_stream_from_array(array, extents[::-1]).to_file(path, version=version)
    return path
