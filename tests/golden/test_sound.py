"""The sound front end's integer model: tones land in their bands, and levels mean what they say."""

import numpy as np
import pytest

from qblif.golden.sound import delta, energies, front_end, logarithm, resonate
from qblif.golden.spec.sound import FrontEnd

SPEC = FrontEnd()


def tone(hertz, frames=8, loud=8000):
    n = np.arange(frames * SPEC.samples)
    return np.round(loud * np.sin(2 * np.pi * hertz * n / SPEC.rate)).astype(np.int16)[None]


@pytest.mark.parametrize("band", range(0, 20, 3))
def test_a_tone_is_loudest_in_its_band(band):
    logs = logarithm(energies(SPEC, tone(SPEC.centres[band])))[0, -1]
    assert logs.argmax() == band and (np.sort(logs)[-1] > np.sort(logs)[-2])


def test_energies_are_the_equations_sample_by_sample():
    spec = FrontEnd(bands=2, samples=5, width=16)
    samples = np.random.default_rng(0).integers(-32768, 32768, (1, 15)).astype(np.int16)
    s = [0, *samples[0].tolist()]
    x = [0, 0, *(s[n] - s[n - 1] + s[n - 1] // 32 for n in range(1, 16))]
    for band, (a1, a2) in enumerate(spec.coefficients):
        y = [0, 0]
        for n in range(2, 17):
            now = x[n] - x[n - 2] + (a1 * y[-1] - a2 * y[-2]) // 1024
            y.append(max(-32768, min(32767, now)))
        wanted = [sum(map(abs, y[2 + 5 * k:7 + 5 * k])) for k in range(3)]
        assert energies(spec, samples)[0, :, band].tolist() == wanted
    assert -32768 in y or 32767 in y  # Saturated.


def test_resonator_rounds_down():
    assert resonate(0, 1, 0, -1, 0, 10, 24) == -1 and resonate(0, 0, 1, 0, 1, 10, 24) == -1


def test_logarithm_of_every_small_energy():
    energy = np.arange(1, 1 << 12)
    whole = np.array([int(e).bit_length() - 1 for e in energy])
    assert logarithm(energy).tolist() == (4 * whole + (4 * energy >> whole) - 4).tolist()
    assert logarithm([0, (1 << 44) - 1]).tolist() == [0, 4 * 43 + 3]


def test_levels_by_hand():
    spec = FrontEnd(bands=2, n_max=3, floor=20)
    logs = np.array([[[20, 16], [40, 30], [0, 38], [0, 0]]])
    # The peak is 20, 40, 39, 38; a level is four steps; what is 16 below the peak is silent.
    assert delta(spec, logs)[0].tolist() == [
        [3, 2, 3, 2, 0, 0], [3, 0, 0, 0, 0, 2], [0, 2, 0, 2, 3, 0], [0, 0, 0, 0, 0, 2]]


def test_twice_as_loud_is_four_steps_and_the_same_levels():
    once, twice = (tone(1000, loud=loud) for loud in (8000, 16000))
    logs = [logarithm(energies(SPEC, samples)) for samples in (once, twice)]
    assert set((logs[1] - logs[0]).flatten().tolist()) == {4}  # As if there were no rounding.
    assert (front_end(SPEC, once) == front_end(SPEC, twice)).all()


def test_each_clip_starts_from_silence():
    both = np.concatenate([tone(500), tone(2000)])
    assert (front_end(SPEC, both)[1] == front_end(SPEC, tone(2000))[0]).all()
    assert not front_end(SPEC, np.zeros((1, 400), np.int16)).any()


@pytest.mark.parametrize("rate, bands, fraction", [
    (8000, 1, 4), (8000, 64, 10), (16000, 20, 10), (48000, 40, 14)])
def test_an_impulse_dies_away(rate, bands, fraction):
    spec = FrontEnd(rate=rate, bands=bands, high=rate // 2 - 100, fraction=fraction)
    y, last = np.zeros((2, bands))
    y += 1000.0
    a1, a2 = np.array(spec.coefficients).T / 2 ** fraction
    for _ in range(20_000):
        last, y = y, a1 * y - a2 * last
    assert np.abs(y).max() < 1


@pytest.mark.parametrize("field, value, reason", [
    ("bands", 0, "Bands must be in 1..64, not 0"), ("rate", 10, "Rate must be in 1000"),
    ("high", 100, "Highest frequency must be in 150..4000, not 100"),
    ("low", 3600, "Frequencies of 20 bands must differ, not all be 3600 Hz"),
    ("fraction", 4, "Fraction bits must be more than 4 for a stable resonator at 150 Hz"),
    ("n_max", 16, "N_max must be in 1..15, not 16"), ("floor", 128, "Floor must be in 0..127")])
def test_refused_front_ends(field, value, reason):
    with pytest.raises(ValueError, match=reason):
        FrontEnd(**{field: value})


def test_refused_samples():
    with pytest.raises(TypeError, match="Samples must be int16, not float64"):
        front_end(SPEC, np.zeros((1, 200)))
    with pytest.raises(ValueError, match=r"Samples must be \(clips, a multiple of 200\), not "):
        front_end(SPEC, np.zeros((1, 201), np.int16))
