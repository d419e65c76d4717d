"""Clips of sound as data sets, and damaged ones."""

import numpy as np
import pytest
from sound_cases import digits_folder, tones, write_wav

from qblif.golden.sound import front_end
from qblif.golden.spec.sound import FrontEnd
from qblif.golden.training.data.events import Binning
from qblif.golden.training.data.readers import load_folder
from qblif.golden.training.data.sound_files import load_sound, read_wav


@pytest.mark.parametrize("below", ["", "recordings"])
def test_takes_below_five_are_the_test_set(tmp_path, below):
    digits_folder(tmp_path / below if below else tmp_path)
    found = load_folder(tmp_path, binning=Binning(6))
    assert found.train_images.shape == (12, 6, 60, 1, 1) and found.timesteps == 6
    assert found.test_labels.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    clip = np.zeros((1, 1200), np.int16)
    clip[0, :900] = tones(1, 2)  # Silence follows.
    assert (found.test_images[7, :, :, 0, 0] == front_end(FrontEnd(), clip)[0]).all()


def test_a_long_clip_is_cut(tmp_path):
    digits_folder(tmp_path)
    found, cut = (load_sound(tmp_path, "x", steps).test_images for steps in (4, 2))
    assert (cut == found[:, :2]).all()


def test_folders_of_classes(tmp_path):
    for part, count in (("train", 3), ("test", 2)):
        for label, name in enumerate(("no", "yes")):
            for take in range(count):
                write_wav(tmp_path / part / name / f"{take}.wav", tones(label, take))
    found = load_folder(tmp_path, binning=Binning(3))
    assert found.train_labels.tolist() == [0, 0, 0, 1, 1, 1] and len(found.test_labels) == 4
    write_wav(tmp_path / "test" / "maybe" / "0.wav", tones(0, 0))
    with pytest.raises(ValueError, match="maybe: there is no such training class"):
        load_folder(tmp_path, binning=Binning(3))


def test_refused_folders(tmp_path):
    with pytest.raises(ValueError, match="holds clips of sound; say how many timesteps of 200 "):
        load_folder(digits_folder(tmp_path / "a"))
    with pytest.raises(ValueError, match="holds no clips of the training set"):
        load_folder(digits_folder(tmp_path / "b", takes=4), binning=Binning(3))
    write_wav(tmp_path / "a" / "hello.wav", tones(0, 0))
    with pytest.raises(ValueError, match=r"hello\.wav: must be named LABEL_SPEAKER_TAKE\.wav"):
        load_folder(tmp_path / "a", binning=Binning(3))


@pytest.mark.parametrize("options, reason", [
    ({"rate": 16000}, "must be 1 channel of 16 bits at 8000 Hz, not 1 of 16 bits at 16000 Hz"),
    ({"channels": 2}, "must be 1 channel of 16 bits at 8000 Hz, not 2 of 16 bits at 8000 Hz"),
    ({"width": 1}, "must be 1 channel of 16 bits at 8000 Hz, not 1 of 8 bits at 8000 Hz")])
def test_other_forms_of_wav(tmp_path, options, reason):
    write_wav(tmp_path / "a.wav", [1, 2, 3, 4], **options)
    with pytest.raises(ValueError, match=rf"a\.wav: {reason}"):
        read_wav(tmp_path / "a.wav", 8000)


@pytest.mark.parametrize("keep", [0, 3, 20, 44, 45, -1])
def test_damaged_wav(tmp_path, keep):
    path = tmp_path / "a.wav"
    write_wav(path, np.arange(50))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"a\.wav: (damaged or unreadable|truncated)"):
        read_wav(path, 8000)


def test_foreign_file_and_extremes(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" * 20)
    with pytest.raises(ValueError, match=r"a\.wav: damaged or unreadable as a WAV file"):
        read_wav(path, 8000)
    write_wav(path, [-32768, 32767, 0, -1])
    assert read_wav(path, 8000).tolist() == [-32768, 32767, 0, -1]
