"""What a trained network does on images: its levels, their information, its surrogates.

The analyses of arXiv:2604.25688, Fig. 3 to 6, in numbers; Table 6 is in
:mod:`qblif.golden.study.energy`. :mod:`qblif.cli.pictures` draws them.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import torch

from .. import integer
from ..spec.errors import InvalidValue
from ..training.surrogate import SURROGATES, find_surrogate, staircase

__all__ = ["Census", "Curves", "Layer", "layers_of", "surrogate_curves", "take_census"]

EFFECTIVE = 0.01  # Probability above which a level counts as used (Fig. 6).
TRACE = 20_000_000  # Levels at once.
POINTS = 241  # Of a curve.


@dataclass(frozen=True)
class Census:
    """How often every neuron sent every level: all figures here follow from it.

    ``counts[name]`` is ``(levels, neurons)`` of int64, in the order of the ``levels`` of the
    input or firing population, over ``frames`` frames and their timesteps.  A static input is sent
    once a frame.  ``late[name]`` is the same without a frame's last timestep, of the sources of
    recurrent synapses.  ``classes`` is ``(frames,)``.
    """

    frames: int
    counts: dict[str, np.ndarray]
    classes: np.ndarray
    late: dict[str, np.ndarray] = field(default_factory=dict)


def take_census(trained, levels, device=None):
    """Run input levels as :func:`qblif.golden.integer.run` takes them, and count.

    Raises :class:`ValueError` where there are none, or they do not fit the network.
    """
    spec = trained.spec
    levels = np.asarray(levels)
    if not len(levels):
        raise InvalidValue("Frames must be at least 1, not 0")
    sources = [spec.input, *spec.firing]
    counts = {s.name: np.zeros((len(s.levels), s.size), np.int64) for s in sources}
    most = max(1, TRACE // (spec.timesteps * sum(p.size for p in spec.populations)))
    late = {s.source: np.zeros_like(counts[s.source])
            for s in filter(spec.recurrent, spec.synapses)}
    classes = []
    for first in range(0, len(levels), most):
        part = levels[first:first + most]
        trace = integer.run(trained, part, device)
        classes.append(trace.classes.numpy())
        sent = {spec.input.name: part} | trace.levels
        for s in sources:
            seen = np.asarray(sent[s.name]).reshape(-1, s.size)
            counts[s.name] += _count(seen, s)
        for name in late:
            s = spec.source(name)
            late[name] += _count(trace.levels[name][:-1].numpy().reshape(-1, s.size), s)
    return Census(len(levels), counts, np.concatenate(classes), late)


def _count(levels, source):
    return np.stack([(levels == level).sum(0) for level in source.levels])


@dataclass(frozen=True, kw_only=True)
class Layer:
    """The levels of the input or of one firing population (Fig. 5 and 6).

    ``histogram`` has one count a level, over frames, timesteps and neurons.  ``gamma`` is the one
    that training left, ``None`` where the file does not say; ``theta`` the same in units of the
    membrane's last bit, ``None`` for the input.
    """

    name: str
    neurons: int
    levels: tuple[int, ...]
    histogram: tuple[int, ...]
    gamma: float | None
    theta: int | None

    @property
    def shares(self):
        """Probability of each level, ``(levels,)``."""
        return np.array(self.histogram) / sum(self.histogram)

    @property
    def entropy(self):
        """Information of a level in bits, ``-sum p log2 p``."""
        p = self.shares[self.shares > 0]
        return max(0.0, float(-(p * np.log2(p)).sum()))

    @property
    def bound(self):
        """Bits that this many levels can carry at most; ``log2(N_max + 1)`` for a full ladder."""
        return math.log2(len(self.levels))

    @property
    def effective_levels(self):
        """Number of levels with a probability above 0.01, level 0 included."""
        return int((self.shares > EFFECTIVE).sum())

    @property
    def firing(self):
        """Neuron-timesteps that fire, in all."""
        return sum(n for level, n in zip(self.levels, self.histogram, strict=True) if level)

    @property
    def activity(self):
        """Share of neuron-timesteps that fire, 0..1."""
        return self.firing / sum(self.histogram)

    @property
    def mean_level(self):
        """Mean level, silence included."""
        return float(self.shares @ np.array(self.levels))


def layers_of(trained, census):
    """A :class:`Layer` for the input and each firing population, in the network's order."""
    spec = trained.spec
    gammas = _gammas(trained)
    return [Layer(name=s.name, neurons=s.size, levels=tuple(s.levels), gamma=gammas.get(s.name),
                  histogram=tuple(census.counts[s.name].sum(1).tolist()),
                  theta=None if s is spec.input else s.neuron.quantiser.theta)
            for s in (spec.input, *spec.firing)]


def _gammas(trained):
    """What the file's notes, which are free, say of gamma: by name, or in the network's order."""
    spec = trained.spec
    noted = trained.notes.get("gammas")
    if isinstance(noted, list):
        noted = dict(zip((spec.input.name, *(p.name for p in spec.populations)), noted,
                         strict=False))
    noted = noted if isinstance(noted, dict) else {}
    return {name: float(gamma) for name, gamma in noted.items()
            if isinstance(gamma, (int, float)) and not isinstance(gamma, bool)
            and 0 < gamma < math.inf}


@dataclass(frozen=True, kw_only=True)
class Curves:
    """A population's staircase and every surrogate over the membrane (Fig. 3 and 4).

    ``membrane``, ``staircase`` and each of ``slopes`` are ``(points,)``; the membrane is in the
    units of ``gamma``, which is 1 where the file does not know it.
    """

    name: str
    gamma: float
    n_max: int
    membrane: np.ndarray
    staircase: np.ndarray
    slopes: dict[str, np.ndarray]


def surrogate_curves(population, gamma=None):
    """The :class:`Curves` of a firing population, as training evaluates them at its gamma.

    They reach two gammas past the ladder, and at least 3: the tails of eq. 12 are 1 wide.
    """
    neuron, gamma = population.neuron, gamma or 1.0
    beyond = max(2 * gamma, 3.0)
    U = torch.linspace(gamma - beyond, neuron.emit_max * gamma + beyond, POINTS,
                       dtype=torch.float64)
    rounded = U + gamma / 2 if neuron.quantiser.rounding == "nearest" else U
    of = {name: find_surrogate(name, neuron.leak)
          if name != "quadratic-window" or neuron.leak.kind == "quadratic" else slope
          for name, slope in SURROGATES.items()}
    return Curves(
        name=population.name, gamma=gamma, n_max=neuron.emit_max, membrane=U.numpy(),
        staircase=staircase(rounded / gamma, neuron.emit_max, neuron.quantiser.spacing).numpy(),
        slopes={name: slope(rounded, U.new_tensor(gamma), neuron.emit_max).numpy()
                for name, slope in of.items()})
