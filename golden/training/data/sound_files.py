"""Clips of sound as frames of bursts: WAV files through the sound front end as they are read.

* Free Spoken Digits: ``LABEL_SPEAKER_TAKE.wav``, in the folder itself or in ``recordings``; its
  test set are takes 0 to 4;
* folders of classes: ``train/CLASS/*.wav`` and ``test/CLASS/*.wav``.
"""

import re
import wave

import numpy as np

from ...sound import front_end
from ...spec.errors import InvalidValue
from ...spec.sound import FrontEnd
from .dataset import Dataset

__all__ = ["load_sound", "read_wav"]

TEST_TAKES = 5
NAME = re.compile(r"(?P<label>\d+)_(?P<speaker>[^_]+)_(?P<take>\d+)\.wav")
AT_ONCE = 4096  # Clips.


def load_sound(folder, name, timesteps, spec=None):
    """The clips in ``folder``, or ``None`` where it holds none of these forms: a
    :class:`~qblif.golden.training.data.dataset.Dataset` of ``(n, timesteps, channels, 1, 1)``.

    A clip is cut, or followed by silence, so that it has ``timesteps`` frames of ``spec``, a
    :class:`~qblif.golden.spec.sound.FrontEnd`.  Raises :class:`ValueError` for a missing, truncated
    or foreign file.
    """
    spec = spec or FrontEnd()
    parts = _takes(folder) or _takes(folder / "recordings") or _classes(folder)
    if not parts:
        return None
    if timesteps is None:
        raise InvalidValue(f"{folder}: holds clips of sound; say how many timesteps of "
                           f"{spec.samples} samples a clip has")
    arrays = []
    for part, files in zip(("training", "test"), parts, strict=True):
        if not files:
            raise InvalidValue(f"{folder}: holds no clips of the {part} set")
        paths, labels = zip(*files, strict=True)
        arrays += [_frames(paths, spec, timesteps), np.array(labels, np.int64)]
    return Dataset(name, *arrays)


def read_wav(path, rate):
    """Samples of a WAV file, ``(n,)`` of int16.

    Raises :class:`ValueError` unless it is one channel of 16-bit PCM at ``rate`` Hz.
    """
    try:
        with wave.open(str(path), "rb") as file:
            form = file.getnchannels(), 8 * file.getsampwidth(), file.getframerate()
            data = file.readframes(file.getnframes())
            expected = file.getnframes() * form[0] * form[1] // 8
    except (OSError, EOFError, wave.Error) as error:
        raise InvalidValue(f"{path}: damaged or unreadable as a WAV file ({error})") from error
    if form != (1, 16, rate):
        raise InvalidValue(f"{path}: must be 1 channel of 16 bits at {rate} Hz, not {form[0]} of "
                           f"{form[1]} bits at {form[2]} Hz")
    if len(data) != expected:
        raise InvalidValue(f"{path}: truncated, {len(data)} of {expected} bytes of sound")
    return np.frombuffer(data, "<i2").astype(np.int16)


def _takes(folder):
    """``(training, test)`` files with labels, by takes; nothing where there are no clips."""
    files = []
    for path in sorted(folder.glob("*.wav")):
        match = NAME.fullmatch(path.name)
        if not match:
            raise InvalidValue(f"{path}: must be named LABEL_SPEAKER_TAKE.wav")
        files.append((path, int(match["label"]), int(match["take"])))
    return files and ([(path, label) for path, label, take in files if take >= TEST_TAKES],
            [(path, label) for path, label, take in files if take < TEST_TAKES])


def _classes(folder):
    """The same of folders of classes, in the order of the training folders' names."""
    names = sorted({path.parent.name for path in (folder / "train").glob("*/*.wav")})
    if not names:
        return None
    found = tuple([(path, label) for label, name in enumerate(names)
                   for path in sorted((folder / part / name).glob("*.wav"))]
                  for part in ("train", "test"))
    strange = {path.parent.name for path in (folder / "test").glob("*/*.wav")} - {*names}
    if strange:
        raise InvalidValue(f"{folder / 'test' / min(strange)}: there is no such training class")
    return found


def _frames(paths, spec, timesteps):
    length, parts = timesteps * spec.samples, []
    for first in range(0, len(paths), AT_ONCE):
        some = paths[first:first + AT_ONCE]
        samples = np.zeros((len(some), length), np.int16)
        for row, path in zip(samples, some, strict=True):
            clip = read_wav(path, spec.rate)[:length]
            row[:len(clip)] = clip
        parts.append(front_end(spec, samples))
    return np.concatenate(parts)[..., None, None]
