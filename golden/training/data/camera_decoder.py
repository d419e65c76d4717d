"""The library faery in a process of its own, which :mod:`.camera_files` starts: on some damaged
files it ends its process.

Each line of standard input is a request, JSON of ``path``, ``type`` (faery's name of the format)
and ``columns`` (of a text file: the places of t, x, y and p).  Each answer is a line of JSON, of
``extents`` (rows, columns, or ``null`` where the file does not say them) and ``bytes``, or of
``error``, and then so many bytes of events.
"""

import json
import os
import sys

try:
    import resource
except ModuleNotFoundError:  # Only some systems can limit a process.
    resource = None

__all__ = ["main"]

UNKNOWN = 65535, 65534  # Columns and rows to assume for a file that says none: all events fit.
BASE, A_BYTE = 1 << 30, 1000  # Memory that decoding may take, and more for each byte of the file.


def decode(path, type, columns):
    """``(extents, events)`` of a file; the events are an array of faery's fields."""
    import faery
    import numpy as np

    if resource:  # A damaged length would take all of the machine's.
        limit = BASE + A_BYTE * os.path.getsize(path)
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        if hard == resource.RLIM_INFINITY or limit < hard:
            resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    properties = faery.CsvProperties.default()
    for field, column in columns.items():
        setattr(properties, field, column)
    decoder = faery.events_stream_from_file(
        path, dimensions_fallback=UNKNOWN, csv_properties=properties, file_type=type)
    size = decoder.dimensions()
    packets = [np.asarray(packet, faery.EVENTS_DTYPE) for packet in decoder]
    extents = None if size == UNKNOWN else size[::-1]
    return extents, np.concatenate([np.empty(0, faery.EVENTS_DTYPE), *packets])


def main():
    """Answer the requests on standard input."""
    for line in sys.stdin:
        try:
            extents, events = decode(**json.loads(line))
            answer, data = {"extents": extents, "bytes": events.nbytes}, events.tobytes()
        except BaseException as error:  # A panic of the library is no Exception.
            answer, data = {"error": str(error) or type(error).__name__}, b""
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + data)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
