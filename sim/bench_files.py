"""Words that the bench plays and records: text files on one side, numpy arrays on the other."""

import numpy as np

from ..boards.host.frames import pack_vectors

__all__ = ["UNKNOWN", "decode", "encode_frames", "encode_load", "encode_vectors", "fields_of",
           "read_log"]

UNKNOWN = np.iinfo(np.int64).min  # Decoded value of a field with undefined bits.

FIRST, LAST = 1, 2  # Marks, see player.v.


def fields_of(manifest, port):
    """The fields of ``port`` by name, as the manifest describes them."""
    found = next(p for p in manifest["ports"] if p["name"] == port)
    return {field["name"]: field for field in found["fields"]}


def encode_frames(layout, manifest, levels):
    """Lines for ``i.hex``: the events of ``levels`` ``(frames, inputs)``, or ``(frames, timesteps,
    inputs)`` where the input is not static, in the order in which ``layout`` takes them.  End
    markers carry garbage in their other fields, always the same."""
    fields = fields_of(manifest, "i__payload")
    stream = layout.input.stream(levels)
    draw, words = np.random.default_rng(0), stream.eot << fields["end"]["offset"]
    for name in ("address", "level"):
        garbage = draw.integers(0, 1 << fields[name]["width"], len(words))
        words |= np.where(stream.eot, garbage, getattr(stream, name)) << fields[name]["offset"]
    marks = np.zeros(len(words), int)
    marks[np.flatnonzero(np.diff(stream.frame, prepend=-1))] |= FIRST
    marks[np.flatnonzero(np.diff(stream.frame, append=len(levels)))] |= LAST
    return "".join(f"{mark:x} {word:x}\n"
                   for mark, word in zip(marks.tolist(), words.tolist(), strict=True))


def encode_vectors(vectors, bits):
    """Lines for ``i.hex`` of a network that takes a frame a word: ``vectors`` are ``(frames, ...)``
    of values of up to 8 ``bits``, the first lowest."""
    return "".join(f"{FIRST | LAST:x} {row[::-1].tobytes().hex()}\n"
                   for row in pack_vectors(vectors, bits))


def encode_load(manifest, writes):
    """Lines for ``load.hex`` from :class:`qblif.hw.layout.memory_image.LoadWrite` items."""
    fields = fields_of(manifest, "load")
    stage, bank, address, data = (fields[name]["offset"]
                                  for name in ("stage", "bank", "address", "data"))
    words = (w.stage << stage | w.bank << bank | w.address << address | w.data << data
             for w in writes)
    return "".join(f"0 {word:x}\n" for word in words)


def decode(data, fields, width):
    """Recorded lines (bytes: ``CYCLE WORD``, fixed length) as arrays: ``cycle`` and each field.

    A last line that was cut off is ignored.  Fields with undefined bits are :data:`UNKNOWN`.
    """
    digits = -(-width // 4)
    line = 8 + 1 + digits + 1
    rows = np.frombuffer(data, np.uint8, len(data) // line * line).reshape(-1, line)
    lowest_first = _nibbles(rows[:, 9:9 + digits])[:, ::-1]
    found = {"cycle": _number(_nibbles(rows[:, :8])[:, ::-1], 0, 32)}
    for name, field in fields.items():
        value = _number(lowest_first, field["offset"], field["width"])
        if field["signed"]:
            sign = 1 << field["width"] - 1
            value = np.where(value == UNKNOWN, UNKNOWN, (value ^ sign) - sign)
        found[name] = value
    return found


def read_log(text):
    """``(cycles of first transfers, cycles of last transfers)`` from a player's log."""
    rows = [line.split() for line in text.splitlines()]
    pairs = [(int(cycle, 16), int(mark, 16)) for cycle, mark in rows]
    return tuple(np.array([cycle for cycle, mark in pairs if mark & bit], np.int64)
                 for bit in (FIRST, LAST))


_DIGIT = np.full(256, -1, np.int8)
for _value, _character in enumerate(b"0123456789abcdef"):
    _DIGIT[_character] = _value


def _nibbles(characters):
    return _DIGIT[characters]


def _number(nibbles, offset, width):
    """Bits ``offset`` to ``offset + width`` of rows of nibbles, the lowest first."""
    total = np.zeros(len(nibbles), np.int64)
    if not width:
        return total
    first = offset // 4
    used = nibbles[:, first:(offset + width - 1) // 4 + 1]
    for place in range(used.shape[1]):
        total |= np.maximum(used[:, place], 0).astype(np.int64) << 4 * place
    total = total >> offset % 4 & (1 << width) - 1
    return np.where((used < 0).any(1), UNKNOWN, total)
