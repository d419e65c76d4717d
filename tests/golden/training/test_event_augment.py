"""Changes of recordings before they are binned: what they do, and where they never happen."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from camera_cases import events, write_camera
from event_cases import dvs_cifar_folder, gesture_folder, nmnist_folder
from train_cases import TINY, Interrupted, assert_same_bits

from qblif.golden.training.config import TrainConfig
from qblif.golden.training.data.event_augment import EventAugment, augment_of
from qblif.golden.training.data.events import Binning
from qblif.golden.training.data.loader import Loader
from qblif.golden.training.data.readers import dataset_for, load_folder
from qblif.golden.training.data.recordings import Kept
from qblif.golden.training.train import train

EXTENTS = (8, 12)


def recording(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    return (np.sort(rng.integers(0, 10_000, n)), rng.integers(0, 12, n), rng.integers(0, 8, n),
            rng.integers(0, 2, n))


def changes(augment, count=300, label=0, events=None, extents=EXTENTS):
    """What ``augment`` makes of one recording, ``count`` times."""
    rng = np.random.default_rng(1)
    return [augment(events or recording(), label, extents, rng) for _ in range(count)]


def test_shift_moves_all_events_together_and_loses_those_outside():
    event = [np.array([value]) for value in (5, 6, 4, 1)]
    found = changes(EventAugment(shift=2), events=event)
    assert {int(x[0]) for _, x, _, _ in found} == set(range(4, 9))
    assert {int(y[0]) for _, _, y, _ in found} == set(range(2, 7))
    whole = recording()
    for t, x, y, p in changes(EventAugment(shift=3), 50):
        frames = Binning(1, window=10**6).frames(t, x, y, p, EXTENTS).astype(int)
        before = Binning(1, window=10**6).frames(*whole, EXTENTS).astype(int)
        matches = [(down, right) for down in range(-3, 4) for right in range(-3, 4)
                   if (frames == moved(before, down, right)).all()]
        assert len(matches) == 1


def moved(frames, down, right):
    rows, columns = EXTENTS
    padded = np.pad(frames, ((0, 0), (0, 0), (3, 3), (3, 3)))
    return padded[..., 3 - down:3 - down + rows, 3 - right:3 - right + columns]


def test_a_single_row_is_shifted_along_columns_only():
    event = [np.array([value]) for value in (5, 6, 0, 0)]
    found = changes(EventAugment(shift=2), events=event, extents=(1, 12))
    assert {int(x[0]) for _, x, _, _ in found} == set(range(4, 9))
    assert all(len(y) == 1 and y[0] == 0 for _, _, y, _ in found)


def test_half_are_mirrored_of_the_classes_that_allow_it():
    _, x, y, _ = recording()
    for label, flip, share in ((3, True, 150), (3, (1, 3), 150), (2, (1, 3), 0), (0, (), 0)):
        found = changes(EventAugment(flip=flip), label=label)
        mirrored = sum(bool((one[1] == 11 - x).all()) for one in found)
        assert mirrored + sum(bool((one[1] == x).all()) for one in found) == 300
        assert all((one[2] == y).all() for one in found)
        assert abs(mirrored - share) < 40 and (share or not mirrored)


def test_drop_loses_up_to_a_share_of_the_events():
    shares = np.array([len(one[0]) / 4000 for one in changes(EventAugment(drop=0.4))])
    assert 0.55 < shares.min() < 0.65 and 0.95 < shares.max() <= 1
    assert all((np.diff(one[0]) >= 0).all() for one in changes(EventAugment(drop=0.4), 5))
    assert {len(one[0]) for one in changes(EventAugment(drop=1.0), 3, events=[
        np.zeros(0, int)] * 4)} == {0}


def test_gap_leaves_no_event_in_a_part_of_the_time():
    lengths, starts = [], []
    for t, *_ in changes(EventAugment(gap=0.3), events=[np.arange(10_000)] * 4):
        kept = np.zeros(10_000, bool)
        kept[t] = True
        lost = np.flatnonzero(~kept)
        assert len(lost) == 0 or lost[-1] - lost[0] + 1 == len(lost)  # One gap.
        lengths.append(len(lost))
        starts += [lost[0]] if len(lost) else []
    assert 2800 < max(lengths) <= 3001 and min(lengths) < 200
    assert min(starts) < 300 and max(starts) > 8500
    assert not changes(EventAugment(gap=1.0), 1, events=[np.zeros(0, int)] * 4)[0][0].size


def test_fields_of_a_recipe():
    assert augment_of(TrainConfig()) is None
    config = TrainConfig(event_shift=2, event_flip=[0, 8], event_drop=0.1, event_gap=0.2)
    assert augment_of(config) == EventAugment(2, (0, 8), 0.1, 0.2)
    assert TrainConfig(**config.to_dict()) == config
    assert config.to_dict()["event_flip"] == [0, 8]


@pytest.mark.parametrize("fields, error, reason", [
    ({"event_flip": "yes"}, TypeError, "^Flip of events must be true, false or a list of labels"),
    ({"event_flip": (1.5,)}, TypeError, "^Label whose events may be flipped must be an integer"),
    ({"event_flip": (-1,)}, ValueError, "^Label whose events may be flipped must be at least 0"),
    ({"event_shift": -1}, ValueError, r"^Shift of events must be in 0\.\.1000, not -1$"),
    ({"event_drop": 1.5}, ValueError, r"^Drop of events must be in 0\.\.1, not 1\.5$"),
    ({"event_gap": "x"}, TypeError, "^Gap in events must be a number, not 'x'$")])
def test_fields_out_of_range(fields, error, reason):
    with pytest.raises(error, match=reason):
        TrainConfig(**fields)


CONFIG = replace(TINY, net="4c5s4-d8", gain=8.0, timesteps=3, input_n_max=3, epochs=2, qat_epochs=1,
                 batch=8, validation=3, shift=0.0, rotate=0.0, shear=0.0, scale=0.0,
                 event_shift=8, event_flip=True, event_drop=0.3, event_gap=0.3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return dvs_cifar_folder(tmp_path_factory.mktemp("dvs"), events=100)


@pytest.fixture(scope="module")
def recordings(folder):
    return dataset_for(CONFIG, folder)


@pytest.fixture(scope="module")
def augmented(recordings):
    return train(CONFIG, recordings)


def batches(data, config, epochs=1, seed=0):
    loader = Loader(data, config, "cpu", torch.Generator().manual_seed(seed))
    return [batch for _ in range(epochs)
            for batch in loader.batches(torch.arange(len(data.train_labels)).split(8))]


def test_each_epoch_sees_other_events_and_equal_seeds_the_same(recordings):
    first, again = (torch.cat([images for images, _ in batches(recordings, CONFIG, 2)])
                    for _ in range(2))
    assert torch.equal(first, again)
    assert (first[:27] != first[27:]).flatten(1).any(1).sum() > 20
    other = torch.cat([images for images, _ in batches(recordings, CONFIG, 2, seed=1)])
    assert (first != other).any()


@pytest.mark.parametrize("form", ["aedat", "dat"])
def test_the_number_of_processes_changes_nothing(recordings, tmp_path, form):
    if form == "dat":  # Each process has a decoder of its own.
        for part, count in (("train", 12), ("test", 1)):
            for n in range(count):
                write_camera(tmp_path / part / "a" / f"{n}.dat", *events(seed=n))
        recordings = dataset_for(CONFIG, tmp_path)
    alone, two = (batches(recordings, replace(CONFIG, workers=workers)) for workers in (0, 2))
    for one, other in zip(alone, two, strict=True):
        assert torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])


def test_each_recording_is_changed_by_numbers_of_its_own(recordings):
    twins = replace(recordings, train_images=recordings.train_images.part(np.zeros(27, int)))
    images = torch.cat([images for images, _ in batches(twins, CONFIG)])
    assert len(images.flatten(1).unique(dim=0)) == 27


def test_validation_test_and_what_is_measured_stay_as_recorded(folder, recordings):
    plain = load_folder(folder, binning=Binning(3))
    assert isinstance(recordings.test_images, np.ndarray)
    np.testing.assert_array_equal(recordings.test_images, plain.test_images)
    np.testing.assert_array_equal(recordings.train_images[:], plain.train_images)
    np.testing.assert_array_equal(recordings.train_images[3:5], plain.train_images[3:5])
    for data in (recordings, plain):
        held = data.hold_out(3, seed=0)
        np.testing.assert_array_equal(held.test_images[:],
                                      plain.hold_out(3, seed=0).test_images)
        assert len(held.train_images) == 24 == len(held.train_labels)


def test_training_repeats(recordings, augmented):
    assert_same_bits(augmented, train(CONFIG, recordings))
    assert train(replace(CONFIG, workers=1), recordings).weights_digest == augmented.weights_digest
    assert train(replace(CONFIG, event_drop=0.2), recordings).weights_digest \
        != augmented.weights_digest
    assert augmented.notes["events"]["train"]["recorded"] == 27 * 100
    assert all(found["events"] > 0 for found in augmented.activity.values())


def test_resumed_equals_uninterrupted(recordings, augmented, tmp_path):
    def interrupt(progress):
        if (progress.phase, progress.epoch) == ("float", 2):
            raise Interrupted

    with pytest.raises(Interrupted):
        train(CONFIG, recordings, checkpoint=tmp_path / "c", progress=interrupt)
    assert_same_bits(augmented, train(CONFIG, recordings, checkpoint=tmp_path / "c", resume=True))


def test_events_in_memory():
    kept = Kept(np.array([70_000, 70_300]), np.array([5, 699]), np.zeros(2, int), np.ones(2, int))
    assert [array.tolist() for array in kept()] == [[0, 300], [5, 699], [0, 0], [1, 1]]
    assert sum(array.nbytes for array in kept.arrays) == 2 * (2 + 2 + 1 + 1)
    assert [len(array) for array in Kept(*[np.zeros(0, int)] * 4)()] == [0] * 4


def test_other_forms_keep_their_events(tmp_path):
    for n, make in enumerate((nmnist_folder, gesture_folder)):
        folder = make(tmp_path / str(n)) if n == 0 else make(made(tmp_path / str(n)))
        kept, plain = (load_folder(folder, binning=Binning(2), keep=keep) for keep in (True, False))
        np.testing.assert_array_equal(kept.train_images[:], plain.train_images)
        assert kept.train_images.shape == plain.train_images.shape


def made(folder):
    folder.mkdir()
    return folder


def test_frames_alone_are_refused(folder):
    with pytest.raises(ValueError, match=r"^Augmentation of events needs recordings, not frames, as"
                                         r" those of \S+$"):
        train(CONFIG, load_folder(folder, binning=Binning(3)))
