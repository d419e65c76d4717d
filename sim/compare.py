"""Recorded levels and membranes against the integer model, every one of them."""

from dataclasses import dataclass

import numpy as np

from ..hw.layout.addressing import by_neuron
from .bench_files import UNKNOWN

__all__ = ["Comparison", "compare", "compare_classes"]

SHOWN = 5  # Mismatches described in words, for each population.


@dataclass(frozen=True)
class Comparison:
    """One population: how much was compared, how much differed, the first few in words.

    ``steps`` is the cycle in which each timestep's last vector was recorded, ``(frames,
    timesteps)``, -1 where it never was.
    """

    levels_compared: int
    membranes_compared: int
    level_mismatches: int
    membrane_mismatches: int
    first: tuple[str, ...]
    steps: np.ndarray


def compare(stage, recorded, levels, membranes):
    """Compare the recording of one :class:`~qblif.hw.layout.compile.StageLayout` with ``levels``
    and ``membranes``, both ``(timesteps, frames, neurons)``.

    ``recorded`` is what :func:`qblif.sim.bench_files.decode` returned.  Timesteps that were not
    recorded are not compared.
    """
    population, vectors = stage.population, stage.vectors
    name, size = population.name, population.size
    timesteps, frames, _ = membranes.shape
    whole = min(len(recorded["cycle"]) // vectors, timesteps * frames)
    words = _order(name, recorded, vectors, whole, timesteps, frames)
    first, counts = [], {}
    golden = {"level": levels, "membrane": membranes}
    if population.neuron.quantiser is None:
        del golden["level"]
    for what, expected in golden.items():
        rtl = _by_neuron(recorded, f"{what}s", stage.fire_lanes, vectors, whole,
                         population.shape)
        expected = np.asarray(expected).swapaxes(0, 1).reshape(-1, size)[:whole]
        differs = rtl != expected
        counts[what] = int(differs.sum())
        words += [_describe(what, name, at, timesteps, rtl, expected)
                  for at in np.argwhere(differs)[:SHOWN]]
    first.extend(words)
    steps = np.full(timesteps * frames, -1, np.int64)
    steps[:whole] = recorded["cycle"][:whole * vectors].reshape(whole, vectors)[:, -1]
    return Comparison(
        levels_compared=whole * size * ("level" in counts), membranes_compared=whole * size,
        level_mismatches=counts.get("level", 0), membrane_mismatches=counts["membrane"],
        first=tuple(first[:2 * SHOWN]), steps=steps.reshape(frames, timesteps))


def compare_classes(labels, expected):
    """``(mismatches, first few in words)`` of the recorded classes against the expected ones."""
    expected = np.asarray(expected)[:len(labels)]
    found = np.flatnonzero(labels[:len(expected)] != expected)
    return len(found), tuple(
        f"class of frame {k}: RTL {_value(labels[k])}, golden {expected[k]}" for k in found[:SHOWN])


def _order(name, recorded, vectors, whole, timesteps, frames):
    """Sentences on vectors out of order and on vectors too many."""
    vector = recorded["beat"][:whole * vectors].reshape(whole, vectors)
    words = []
    wrong = np.argwhere(vector != np.arange(vectors))
    if len(wrong):
        step, place = wrong[0]
        words.append(f"{name}, timestep {step % timesteps}, frame {step // timesteps}: "
                     f"vector {_value(vector[step, place])} came where vector {place} belongs")
    extra = len(recorded["beat"]) - timesteps * frames * vectors
    if extra > 0:
        words.append(f"{name}: {extra} vectors more than {frames} frames have")
    return words


def _by_neuron(recorded, what, fire_lanes, vectors, whole, shape):
    """Values of one kind as ``(timesteps of all frames, neurons)``."""
    lanes = [recorded[f"{what}.{k}"][:whole * vectors] for k in range(fire_lanes)]
    return by_neuron(np.stack(lanes, -1).reshape(whole, vectors, fire_lanes), shape)


def _describe(what, name, at, timesteps, rtl, expected):
    step, neuron = at
    return (f"{name} neuron {neuron}, timestep {step % timesteps}, frame {step // timesteps}: "
            f"RTL {what} {_value(rtl[step, neuron])}, golden {expected[step, neuron]}")


def _value(value):
    return "undefined" if value == UNKNOWN else int(value)
