"""What becomes of events: late ones, those beyond N_max, and what is said of them."""

import numpy as np
import pytest
from event_cases import dvs_cifar_folder, nmnist_folder

from qblif.golden.spec.pixels import to_levels
from qblif.golden.training.data.dataset import Dataset
from qblif.golden.training.data.event_counts import EventCounts
from qblif.golden.training.data.events import Binning
from qblif.golden.training.data.readers import load_folder


def test_by_hand():
    """Two recordings: pixels of 0, 3, 1 and 300 events, and one late event; and nothing."""
    counts = EventCounts.of([(np.array([0, 3, 1, 300]).reshape(1, 1, 2, 2), 305),
                             (np.zeros((1, 1, 2, 2), int), 0)])
    assert counts.summary(2) == {"recorded": 305, "late": 1, "clipped": 1 + 298}
    assert counts.summary(63) == {"recorded": 305, "late": 1, "clipped": 237}
    assert counts[1:].summary(1) == {"recorded": 0, "late": 0, "clipped": 0}
    assert counts[np.array([0])].summary(3)["clipped"] == 297


@pytest.mark.parametrize("n_max", [1, 2, 5, 62, 63])
def test_equal_to_the_levels_that_the_network_gets(n_max):
    counts = np.random.default_rng(n_max).integers(0, 80, (7, 3, 2, 4, 5))
    found = EventCounts.of((one, None) for one in counts).summary(n_max)
    levels = to_levels(counts.astype(np.uint8), n_max)
    assert found == {"recorded": counts.sum(), "late": 0, "clipped": counts.sum() - levels.sum()}


@pytest.mark.parametrize("binning, late", [(Binning(3), 0), (Binning(3, window=50_000), None),
                                           (Binning(3, "count"), 0)])
def test_of_a_data_set(tmp_path, binning, late):
    data = load_folder(nmnist_folder(tmp_path), binning=binning)
    for part in ("train", "test"):
        frames = getattr(data, f"{part}_images").astype(int)
        found = data.event_counts(part).summary(1)
        assert found["recorded"] == 8 * 300
        assert found["late"] == 8 * 300 - frames.sum() and (late is None) == (found["late"] > 0)
        assert found["clipped"] == frames.sum() - (frames > 0).sum() > 0


def test_more_than_a_frame_holds(tmp_path):
    """A pixel with 300 events in a timestep: frames say 255, the counts know better."""
    for part in ("Train", "Test"):
        (tmp_path / part / "0").mkdir(parents=True)
        (tmp_path / part / "0" / "1.bin").write_bytes(bytes((1, 2, 0, 0, 0)) * 300)
    data = load_folder(tmp_path, binning=Binning(1))
    assert data.train_images.sum() == 255
    assert data.event_counts("train").summary(6) == {"recorded": 300, "late": 0, "clipped": 294}


def test_held_out_recordings_take_theirs_along(tmp_path):
    data = load_folder(nmnist_folder(tmp_path), binning=Binning(3, window=20_000))
    part = data.hold_out(2, seed=0)
    whole = data.event_counts("train").summary(1)
    parts = [part.event_counts(name).summary(1) for name in ("train", "test")]
    assert parts[0]["recorded"] == 6 * 300 and parts[1]["recorded"] == 2 * 300
    assert {key: sum(p[key] for p in parts) for key in whole} == whole


def test_of_frames_alone_and_of_images():
    frames = np.array([0, 2, 9, 1], np.uint8).reshape(1, 1, 1, 2, 2)
    labels = np.zeros(1, int)
    data = Dataset("frames", frames, labels, frames, labels)
    assert data.event_counts("test").summary(4) == {"recorded": 12, "late": 0, "clipped": 5}
    images = Dataset("images", frames[0, 0], labels, frames[0, 0], labels)
    assert images.event_counts("train") is None


def test_kept_events_are_counted_as_frames_are(tmp_path):
    folder = dvs_cifar_folder(tmp_path, events=400)
    found = [load_folder(folder, binning=Binning(1, window=400), keep=keep)
             for keep in (False, True)]
    for part in ("train", "test"):
        one, other = (data.event_counts(part).summary(1) for data in found)
        assert one == other and one["late"] > 0
