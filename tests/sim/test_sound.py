"""From samples to a class on the generated Verilog: front end and network."""

import re

import numpy as np
import pytest

import qblif
from qblif.cli.common import layout_for
from qblif.golden.spec import Input
from qblif.hw.sound.network import SoundNetworkCore
from qblif.sim import sound
from qblif.sim.simulators import SimulatorError
from qblif.sim.sound import simulate_clips

SAMPLES = 32 * 200


@pytest.fixture(scope="module")
def digits():
    trained = qblif.load("spoken-digits")
    return trained, layout_for(trained, "16")


def chirps(clips):
    """Sweeps of other pitches and lengths, then silence."""
    n = np.arange(SAMPLES)
    found = np.zeros((clips, SAMPLES), np.int16)
    for k, row in enumerate(found):
        length = SAMPLES // (k + 1)
        row[:length] = (3000 * (k + 1) * np.sin(n * (0.05 + 0.2 * k) + n * n * 1e-5))[:length]
    return found


def test_every_level_and_class(digits, user_cache, tmp_path):
    result = simulate_clips(*digits, chirps(3), tmp_path, user_cache)
    assert result.ok and result.levels_compared == 3 * 32 * 60
    # Each sample takes 20 bands of 15 cycles, and one to be taken.
    assert 0 < result.cycles - 3 * SAMPLES * 301 < 3 * 32 * 1200


def test_a_wrong_expectation_is_found(digits, user_cache, tmp_path, monkeypatch):
    def shifted(spec, samples):
        levels = front_end(spec, samples)
        levels[0, 5, 7] ^= 1
        return levels

    front_end = sound.front_end
    monkeypatch.setattr(sound, "front_end", shifted)
    result = simulate_clips(*digits, chirps(1), tmp_path, user_cache)
    assert not result.ok and result.level_mismatches == 1


def test_a_network_that_stands_still_is_said(digits, user_cache, tmp_path, monkeypatch):
    def short_of_a_sample(*given, **options):
        if "input" in options:
            options["input"] = options["input"][:-2]
        return run(*given, **options)

    run = sound.subprocess.run
    monkeypatch.setattr(sound.subprocess, "run", short_of_a_sample)
    with pytest.raises(SimulatorError, match="stood still after 1 of 2 clips"):
        simulate_clips(*digits, chirps(2), tmp_path, user_cache)


@pytest.mark.parametrize("source, reason", [
    (Input(shape=(59,), n_max=8, static=False), r"makes 60 levels .* input is \(59,\)"),
    (Input(shape=(60,), n_max=8), r"input is \(60,\), the same in every timestep"),
    (Input(shape=(3, 4, 5), n_max=8, static=False), r"input is \(3, 4, 5\)"),
    (Input(shape=(60,), n_max=7, static=False), "makes levels up to 8, .* input takes 7")])
def test_networks_that_do_not_fit(source, reason):
    class Spec:
        input, timesteps = source, 32

    class Layout:
        spec, input = Spec, layout_input(source)

    with pytest.raises(ValueError, match=reason):
        SoundNetworkCore(Layout)


def layout_input(source):
    class Format:
        framed = len(source.shape) == 3
    return Format


def test_verilog_takes_samples(digits):
    trained, layout = digits
    manifest = qblif.hw.verilog.generate(layout, sound=True).manifest
    port = next(p for p in manifest["ports"] if p["name"] == "i__payload")
    assert (port["width"], port["signed"]) == (16, True)
    assert manifest["input"]["sound"]["bands"] == 20
    assert re.search(r"ends", str(manifest["input"]))
