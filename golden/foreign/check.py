"""A NIR file's network in integers, held to what its framework gave.

Where the file leaves open what its neurons are, the recording decides: every reading is run in real
numbers, the one that agrees is converted, and the integer model is compared with the recording.
"""

import math
from dataclasses import dataclass

from .. import integer
from ..spec.errors import InvalidValue
from . import real
from .exact import Converted, convert
from .readings import Asked, readings
from .record import Agreement, compare

__all__ = ["Imported", "check_own", "import_network", "require_exact"]


@dataclass(frozen=True, eq=False)
class Imported:
    """The network in integers, and what is known of it.

    ``reading`` says in words what the neurons were taken for, ``others`` what they may be as well
    by the same recording.  ``agreements`` are the integer model's with the recording, one a layer;
    none without one.
    """

    converted: Converted
    reading: str
    others: tuple[str, ...]
    agreements: tuple[Agreement, ...]

    @property
    def equal(self) -> bool:
        """Whether every level is the recorded one."""
        return all(agreement.first is None for agreement in self.agreements)


def import_network(graph, framework, asked, timesteps=None, record=None,
                   approximate=False) -> Imported:
    """The ``graph`` as ``framework`` means it.

    Parameters
    ----------
    graph : :class:`~qblif.golden.foreign.graph.Graph`
    framework : name of :data:`~qblif.golden.foreign.frameworks.FRAMEWORKS`
    asked : :class:`~qblif.golden.foreign.readings.Asked`
    timesteps : T; the recording's where not given
    record : :class:`~qblif.golden.foreign.record.Record` or ``None``
    approximate : round what has no exact form

    Raises :class:`ValueError` where no single reading is left, or it has no exact form.
    """
    if record is not None:
        _check_shapes(graph, record, timesteps)
        timesteps = len(record.input)
    if timesteps is None:
        raise InvalidValue("A NIR file has no number of timesteps: give it, or a recording")
    found = readings(framework, graph.nodes, asked, record and record.largest)
    names, score = list(found), None
    if record is not None:
        names, score = _nearest(graph, found, record)
    elif len(found) > 1:
        raise InvalidValue(f"A NIR file leaves open which neuron of {framework} it has: "
                           f"{'; or '.join(found)}. Say which, or give a recording to check")
    n_max = 1 if record is None else max(1, int(record.input.max()))
    name, converted = _first_exact(graph, found, names, timesteps, n_max, approximate, score)
    agreements = () if record is None else _check(graph, converted.trained, record)
    if record is None and not approximate:
        require_exact(converted)
    return Imported(converted, name, tuple(n for n in names if n != name), agreements)


def require_exact(converted):
    """Refuse what is not proven to be exact, where there is no recording to check it."""
    if converted.remarks:
        raise InvalidValue("Without a recording to check, only what is proven exact is written: "
                           + "; ".join(converted.remarks))


def _check_shapes(graph, record, timesteps):
    """The recording has the network's layers and sizes."""
    if timesteps not in (None, len(record.input)):
        raise InvalidValue(f"Timesteps must be the recording's {len(record.input)}, not "
                           f"{timesteps}")
    _check_places(record, [math.prod(graph.input_shape),
                           *(math.prod(layer.shape) for layer in graph.layers if layer.node)])


def _check_places(record, sizes):
    if len(record.spikes) != len(sizes) - 1:
        raise InvalidValue(f"The recording has spikes of {len(record.spikes)} layers, the network "
                           f"{len(sizes) - 1}")
    for what, size, array in zip(("input", *(f"spikes_{k}" for k in range(len(record.spikes)))),
                                 sizes, (record.input, *record.spikes), strict=True):
        if array.shape[2] != size:
            raise InvalidValue(f"The recording's {what} has {array.shape[2]} places, the network "
                               f"{size}")


def _nearest(graph, found, record):
    """``(names, score)``: the readings that agree with the recording in most places, and in what
    part of all."""
    layers = [node.name for node in graph.nodes]
    scores = {}
    for name, made in found.items():
        agreements = compare(record, layers, real.run(graph, made, record.input))
        scores[name] = sum(a.equal for a in agreements) / sum(a.total for a in agreements)
    best = max(scores.values())
    return [name for name in found if scores[name] == best], best


def _first_exact(graph, found, names, timesteps, n_max, approximate, score):
    """The first reading among ``names`` that has an exact form, with it."""
    reason = None
    for name in names:
        try:
            return name, convert(graph, found[name], timesteps, n_max, approximate,
                                 {"imported": name})
        except InvalidValue as error:
            reason = reason or error
    nearest = "" if score is None else f" (this reading gives {score:.2%} of the recorded spikes)"
    raise InvalidValue(f"{reason}{nearest}") from reason


def check_own(trained, asked, timesteps=None, record=None) -> Imported:
    """A network that :mod:`~qblif.golden.foreign.own` read, which leaves nothing open."""
    if timesteps is not None or asked != Asked():
        raise InvalidValue("A file that qblif wrote says all of its neurons and timesteps: there "
                           "is nothing to choose")
    spec, agreements = trained.spec, ()
    if record is not None:
        firing = spec.firing
        _check_places(record, [spec.input.size, *(p.size for p in firing)])
        if len(record.input) != spec.timesteps or spec.input.static:
            raise InvalidValue(f"The recording has {len(record.input)} timesteps, the network "
                               + ("a static input" if spec.input.static else f"{spec.timesteps}"))
        trace = integer.run(trained, record.input.transpose(1, 0, 2))
        agreements = tuple(compare(record, [p.name for p in firing],
                                   [trace.levels[p.name] for p in firing]))
    return Imported(Converted(trained, ()), "qblif: as its metadata have it", (), agreements)


def _check(graph, trained, record):
    """The integer model on the recorded input."""
    trace = integer.run(trained, record.input.transpose(1, 0, 2))
    names = [layer.name for layer in graph.layers if layer.node is not None]
    return tuple(compare(record, [node.name for node in graph.nodes],
                         [trace.levels[name] for name in names]))
