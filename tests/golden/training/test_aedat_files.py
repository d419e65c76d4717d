"""AEDAT 2.0 of a DVS128, written byte for byte, and damaged files."""

import numpy as np
import pytest
from event_cases import HEADER_2, address, aedat_2

from qblif.golden.training.data.aedat_files import read_aedat


def read(tmp_path, data):
    path = tmp_path / "a.aedat"
    path.write_bytes(data)
    return [a.tolist() for a in read_aedat(path)]


def test_file_byte_for_byte(tmp_path):
    """Address bits 8..14 count columns from the right, 1..7 rows from below, 0 is 0 if brighter."""
    events = bytes.fromhex("00000000 00000007 00007f00 00000007"
                           "000000fe 00000008 00000001 ffffffff")
    t, x, y, p = read(tmp_path, HEADER_2 + events)
    assert t == [7, 7, 8, 0xffffffff]
    assert (x, y, p) == ([127, 0, 127, 127], [127, 127, 0, 127], [1, 1, 1, 0])


def test_every_pixel(tmp_path):
    x, y, p = np.unravel_index(np.arange(1 << 15), (128, 128, 2))
    found = read(tmp_path, aedat_2(*((address(*map(int, place)), n)
                                     for n, place in enumerate(zip(x, y, p, strict=True)))))
    assert found == [list(range(1 << 15)), x.tolist(), y.tolist(), p.tolist()]


@pytest.mark.parametrize("header", [
    b"#!AER-DAT2.0\n", b"#!AER-DAT2.0\r\n#\r\n# a\tb\xc2\xb5\r\n", b"#!AER-DAT2.0 \r\n"])
def test_other_headers(tmp_path, header):
    assert read(tmp_path, aedat_2((address(3, 4, 1), 5), header=header)) == [[5], [3], [4], [1]]


def test_signals_of_the_connector_are_no_events(tmp_path):
    found = read(tmp_path, aedat_2((0x8000, 1), (address(3, 4, 0), 5), (0x8000 | 77, 6)))
    assert found == [[5], [3], [4], [0]]


def test_events_come_in_order_of_time(tmp_path):
    found = read(tmp_path, aedat_2(*((address(n, 0, 0), t) for n, t in enumerate((9, 4, 9, 4)))))
    assert found[:2] == [[4, 4, 9, 9], [1, 3, 0, 2]]  # Those of one time as they stand.


DAMAGED = {
    "header alone": (HEADER_2, r"holds no events$"),
    "first line alone": (b"#!AER-DAT2.0", r"holds no events$"),
    "line without end": (HEADER_2 + b"# and so on", r"holds no events$"),
    "truncated": (aedat_2((2, 1), (4, 2))[:-3], r"truncated, 13 bytes are no whole events of 8$"),
    "signals alone": (aedat_2((0x8000, 1)), r"holds no polarity events$"),
    "another camera": (aedat_2((2, 1), (0x12345, 2)),
                       r"addresses must be those of a DVS128, of 16 bits, not 0x12345$"),
    "an older version": (aedat_2((2, 1), header=b"#!AER-DAT1.0\r\n"),
                         r"must start with #!AER-DAT2\.0 or #!AER-DAT3\.1, not b'#!AER-DAT1\.0'$"),
    "no first line": (aedat_2((2, 1), header=b""), r"must start with #!AER-DAT2\.0 or "),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged(tmp_path, case):
    data, reason = DAMAGED[case]
    with pytest.raises(ValueError, match=rf"a\.aedat: {reason}"):
        read(tmp_path, data)
