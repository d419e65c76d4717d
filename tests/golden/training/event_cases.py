"""Small files in the published forms of event data sets."""

import numpy as np


def nmnist_bytes(t, x, y, p):
    return b"".join(bytes((a, b, c << 7 | s >> 16, s >> 8 & 255, s & 255))
                    for s, a, b, c in zip(t, x, y, p, strict=True))


def packet(kind, events, size=8, overflow=0):
    words = b"".join(int(w).to_bytes(4, "little") + int(t).to_bytes(4, "little")
                     for w, t in events)
    head = kind.to_bytes(2, "little") + (1).to_bytes(2, "little") + b"".join(
        int(n).to_bytes(4, "little") for n in (size, 4, overflow, *[len(events)] * 3))
    return head + words


HEADER = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"


def word(x, y, p, valid=1):
    return valid | p << 1 | y << 2 | x << 17


def aedat(*events):
    return HEADER + packet(0, [(1, 2)]) + packet(1, events)


def nmnist_folder(folder, recordings=4):
    """Two classes of N-MNIST: events on the left, events on the right."""
    rng = np.random.default_rng(0)
    for part in ("Train", "Test"):
        for label in (0, 1):
            (folder / part / str(label)).mkdir(parents=True)
            for n in range(recordings):
                count = 300
                x = rng.integers(0, 17, count) + 17 * label
                y, p = rng.integers(0, 34, count), rng.integers(0, 2, count)
                t = np.sort(rng.integers(0, 300_000, count))
                (folder / part / str(label) / f"{n:05d}.bin").write_bytes(
                    nmnist_bytes(t, x, y, p))
    return folder


def gesture_folder(folder):
    for part, names in (("train", ("u1", "u2")), ("test", ("u3",))):
        (folder / f"trials_to_{part}.txt").write_text("".join(f"{n}.aedat\n" for n in names))
        for name in names:
            (folder / f"{name}.aedat").write_bytes(
                aedat(*((word(x, 2 * x, x & 1), 10 * x) for x in range(60))))
            (folder / f"{name}_labels.csv").write_text(
                "class,startTime_usec,endTime_usec\n2,100,300\n11,300,500\n")
    return folder
