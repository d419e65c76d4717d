"""Burst capacity by layer: the lowest N_max of each population that an accuracy budget allows.

On the integer network a lower N_max is another quantiser and nothing else: weights stay, and widths
can only shrink.  So any vector of N_max is measured exactly, without training.
"""

import itertools
import math
from dataclasses import dataclass, replace

import torch

from ..spec.artifact import sum_range
from ..spec.errors import InvalidValue
from ..training.config import TrainConfig
from ..training.data.augment import augment
from ..training.export import derive_v_width, signed_width
from .meter import Measurement, with_n_max

__all__ = ["Choice", "choose", "harder", "options", "reduced"]

EVERY = 256  # Where there are no more vectors than this, all are measured.


@dataclass(frozen=True)
class Choice:
    """The network as trained, with the best vector, and with the best single N_max for all.

    ``measured`` vectors were tried; ``complete``: no others are in question.
    """

    before: Measurement
    chosen: Measurement
    single: Measurement
    measured: int
    complete: bool


def options(population):
    """Every N_max that a population can be given without training, lowest first."""
    quantiser = population.neuron.quantiser
    if population.emit_max == 1:
        return (quantiser.n_max,)
    return tuple(n for n in quantiser.levels if n)


def choose(meter, points, mode="shift", goal=0.0):
    """The :class:`Choice` whose vectors lose at most ``points`` points of accuracy.

    It has the fewest operations in ``mode``; or, with a ``goal``, a share of the operations before,
    the best accuracy among the vectors that meet it, if any does.  What breaks the budget in one
    population alone is out.  Of the rest all vectors are measured where there are few, else those
    on two greedy ways down: from the network as it is and from the best single N_max, each time the
    step with the most operations saved for an image lost.  Raises :class:`ValueError` where nothing
    can be lowered.
    """
    sets = [options(p) for p in meter.hidden]
    if all(len(s) == 1 for s in sets):
        raise InvalidValue("Every hidden population has one level: there is no N_max to lower")
    before = meter.measure(tuple(s[-1] for s in sets))
    lowest = before.right - math.floor(points * before.images / 100 + 1e-6)
    goal *= before.total(mode)

    def best(found):
        return min((p for p in found if p.right >= lowest), key=lambda p: _rank(p, mode, goal))

    single = best([before] + [meter.measure(_single(sets, n)) for n in sorted({*sum(sets, ())})])
    sets = [tuple(n for n in s if meter.measure(_changed(before.n_max, k, n)).right >= lowest)
            for k, s in enumerate(sets)]
    complete = math.prod(map(len, sets)) <= EVERY
    if complete:
        for n_max in itertools.product(*sets):
            meter.measure(n_max)
    else:
        for start in (before, single):
            _descend(meter, sets, start, lowest, mode, goal)
    found = meter.measurements.values()
    return Choice(before, best(found), single, len(found), complete)


def _single(sets, n):
    """One N_max for all; a population that has no such level takes the next lower one."""
    return tuple(max((o for o in s if o <= n), default=s[0]) for s in sets)


def _changed(n_max, k, n):
    return *n_max[:k], n, *n_max[k + 1:]


def _rank(point, mode, goal):
    operations = point.total(mode)
    met = operations <= goal
    return (0, -point.right, operations) if met else (1, operations, -point.right)


def _descend(meter, sets, here, lowest, mode, goal):
    """Measure everything next to a greedy way down from ``here``."""
    def worth(point):
        saved, lost = here.total(mode) - point.total(mode), here.right - point.right
        return (0, saved / lost) if lost > 0 else (1, saved)

    while here.total(mode) > goal:
        near = [meter.measure(_changed(here.n_max, k, n))
                for k, s in enumerate(sets) for n in s if n < here.n_max[k]]
        near = [p for p in near if p.right >= lowest and p.total(mode) < here.total(mode)]
        if not near:
            return
        here = max(near, key=worth)


def reduced(trained, n_max):
    """The network with these N_max, one a hidden population, and the widths that they need; its
    notes and activity are those of ``trained``.

    The integer model computes in it what it computes with the wider ones: a sum or a membrane only
    loses bits that no frame can reach.
    """
    spec = trained.spec
    draft = [with_n_max(p, n) for p, n in zip(spec.populations, n_max, strict=False)]
    draft = replace(spec, populations=(*draft, spec.populations[-1]))
    narrow = replace(draft, populations=tuple(_narrow(trained, draft, p)
                                              for p in draft.populations))
    return replace(trained, spec=narrow)


def _narrow(trained, spec, population):
    low, high = sum_range(spec, trained.weights, population)
    v_width, _ = derive_v_width(population.neuron, spec.timesteps, low, high,
                                trained.biases.get(population.name))
    v_width = min(v_width, population.neuron.v_width)
    return replace(population, sum_width=min(signed_width(low, high), population.sum_width),
                   neuron=replace(population.neuron, v_width=v_width))


def harder(images, notes, seed=0):
    """Images of uint8, each changed at random as the network's training did, by its ``notes``.

    A network knows the images that it was trained on; so changed, they say more about new ones.
    Raises :class:`ValueError` where the notes name no changes.
    """
    known = notes.get("config", {})
    changes = ("shift", "rotate", "shear", "scale", "crop", "flip", "cutout")
    config = TrainConfig(**{name: known[name] for name in changes if name in known})
    if not any(getattr(config, name) for name in changes):
        raise InvalidValue("The network's file names no changes of images in its training")
    changed = augment(torch.from_numpy(images).float(), config,
                      torch.Generator().manual_seed(seed))
    return changed.clamp(0, 255).round().to(torch.uint8).numpy()
