"""Recorded levels and membranes against the integer model, every one of them."""

from dataclasses import dataclass

import numpy as np

from ..hw.layout.addressing import addresses, lane_bits
from .bench_files import UNKNOWN

__all__ = ["Comparison", "compare", "compare_classes", "compare_scores", "differences"]

SHOWN = 5  # Mismatches described in words, for each population.


@dataclass(frozen=True)
class Comparison:
    """One population: how much was compared, how much differed, the first few in words.

    ``where`` is ``(frame, timestep, neuron)`` of what differs first, or ``None``.  ``steps`` is the
    cycle in which each timestep's last vector was recorded, ``(frames, timesteps)``, -1 where it
    never was.
    """

    levels_compared: int
    membranes_compared: int
    level_mismatches: int
    membrane_mismatches: int
    first: tuple[str, ...]
    where: tuple[int, int, int] | None
    steps: np.ndarray


def compare(stage, recorded, levels, membranes):
    """Compare the recording of one :class:`~qblif.hw.layout.stage.StageLayout` with ``levels``
    and ``membranes``, both ``(timesteps, frames, neurons)``.

    ``recorded`` is what :func:`qblif.sim.bench_files.decode` returned.  Frames that were not
    recorded whole are not compared.
    """
    population, size = stage.population, stage.population.size
    timesteps, frames, _ = membranes.shape
    vectors = timesteps * stage.passes.all_vectors  # Of a frame.
    whole = min(len(recorded["cycle"]) // vectors, frames)
    words = _order(stage, recorded, whole, frames)
    counts, places = {}, []
    golden = {"level": levels, "membrane": membranes}
    if population.neuron.quantiser is None:
        del golden["level"]
    for what, expected in golden.items():
        lanes = [recorded[f"{what}s.{k}"][:whole * vectors] for k in range(stage.fire_lanes)]
        rtl = stage.passes.unpack(np.stack(lanes, -1))
        expected = np.asarray(expected).swapaxes(0, 1)[:whole]
        counts[what], first, said = differences(what, population.name, rtl, expected)
        places += first
        words += said
    steps = np.full((frames, timesteps), -1, np.int64)
    timestep, _ = stage.passes.steps()
    ends = recorded["cycle"][:whole * vectors].reshape(
        whole, len(timestep), stage.channel_vectors)[..., -1]
    for t in range(timesteps):
        steps[:whole, t] = ends[:, timestep == t].max(1)
    return Comparison(
        levels_compared=whole * timesteps * size * ("level" in counts),
        membranes_compared=whole * timesteps * size,
        level_mismatches=counts.get("level", 0), membrane_mismatches=counts["membrane"],
        first=tuple(words[:2 * SHOWN]), where=min(places, default=None), steps=steps)


def compare_classes(labels, expected):
    """``(mismatches, first few in words)`` of the recorded classes against the expected ones."""
    expected = np.asarray(expected)[:len(labels)]
    found = np.flatnonzero(labels[:len(expected)] != expected)
    return len(found), tuple(
        f"class of frame {k}: RTL {_value(labels[k])}, golden {expected[k]}" for k in found[:SHOWN])


def compare_scores(spec, recorded, expected):
    """``(mismatches, first few in words)`` of what the score port gave: every neuron of the last
    population in every timestep, in order, of the frames that came out whole.

    ``recorded`` is what :func:`qblif.sim.bench_files.decode` returned, ``expected`` a
    :class:`qblif.golden.integer.Trace`.
    """
    last, timesteps = spec.populations[-1], spec.timesteps
    levels, v = (np.asarray(found[last.name]).swapaxes(0, 1)
                 for found in (expected.levels, expected.membranes))
    shape = len(recorded["cycle"]) // (timesteps * last.size), timesteps, last.size
    wrong, words = 0, []
    for what, golden in (
            ("neuron", np.arange(last.size)[None, None]), ("level", levels),
            ("score", levels.cumsum(1, dtype=np.int64) if spec.counts else v),
            ("final", np.arange(timesteps)[None, :, None] == timesteps - 1)):
        rtl = recorded[what][:np.prod(shape)].reshape(shape)[:len(levels)]
        golden = np.broadcast_to(golden[:len(rtl)], rtl.shape)
        count, _, said = differences(f"{what} at the score port", last.name, rtl, golden)
        wrong += count
        words += said
    return wrong, tuple(words[:SHOWN])


def differences(what, name, rtl, expected):
    """Of the population ``name``, in arrays ``(frames, timesteps, neurons)``: how many values
    differ, the place of the first, and the first few in words."""
    places = np.argwhere(rtl != expected)
    return len(places), [tuple(at) for at in places[:1].tolist()], [
        f"{name} neuron {at[2]}, timestep {at[1]}, frame {at[0]}: "
        f"RTL {what} {_value(rtl[*at])}, golden {expected[*at]}" for at in places[:SHOWN]]


def _order(stage, recorded, whole, frames):
    """Sentences on vectors out of order and on vectors too many."""
    expected = vector_addresses(stage.passes)
    found = recorded["address"][:whole * len(expected)].reshape(whole, len(expected))
    words = []
    wrong = np.argwhere(found != expected)
    if len(wrong):
        frame, place = wrong[0]
        words.append(f"{stage.name}, frame {frame}: vector {_value(found[frame, place])} came "
                     f"where vector {expected[place]} belongs")
    extra = len(recorded["address"]) - frames * len(expected)
    if extra > 0:
        words.append(f"{stage.name}: {extra} vectors more than {frames} frames have")
    return words


def vector_addresses(passes):
    """What the addresses of each vector of a frame share, in order: see
    :func:`qblif.hw.core.payloads.vector_address`."""
    _, position = passes.steps()
    first = passes.neurons()[:, :, 0]
    low = addresses(passes.shape)[first] >> lane_bits(passes.shape, passes.fire_lanes)
    return low[position].reshape(-1)


def _value(value):
    return "undefined" if value == UNKNOWN else int(value)
