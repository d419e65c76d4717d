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


HEADER_2 = (b"#!AER-DAT2.0\r\n# This is a raw AE data file\r\n# Timestamps tick is 1 us\r\n")
CLASSES = ("airplane", "automobile", "bird")


def aedat_2(*events, header=HEADER_2):
    """An AEDAT 2.0 file of ``(address, time)``."""
    return header + b"".join(a.to_bytes(4, "big") + t.to_bytes(4, "big") for a, t in events)


def address(x, y, p):
    """Of a DVS128, for an event that is to be read at column x, row y with polarity p."""
    return 127 - x << 8 | 127 - y << 1 | 1 - p


def dvs_cifar_folder(folder, recordings=10, classes=CLASSES, events=200):
    """Classes as CIFAR10-DVS has them; the first event's time is the number in the file's name,
    its column the class."""
    rng = np.random.default_rng(4)
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for n in range(recordings):
            x, y, p = rng.integers(0, (128, 128, 2), (events, 3)).T
            x[0], t = label, n + np.sort(rng.integers(0, 1000, events))
            t[0] = n
            (folder / name / f"cifar10_{name}_{n}.aedat").write_bytes(aedat_2(*(
                (address(*map(int, place)), int(when))
                for *place, when in zip(x, y, p, t, strict=True))))
    return folder
