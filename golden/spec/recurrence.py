"""Synapses that lead back, and the loops that they make.  Standard library only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from .errors import InvalidValue
from .synapses import Synapse, as_map

if TYPE_CHECKING:
    from .population import Input, Population

__all__ = ["check_recurrent", "loops"]


def check_recurrent(synapse: Synapse, source: Input | Population,
                    target: Input | Population) -> None:
    """:class:`ValueError` for a synapse that may not lead back."""
    flat = all(as_map(end.shape)[1:] == (1, 1) for end in (source, target))
    if synapse.kind != "dense" or not flat or not hasattr(target, "neuron"):
        raise InvalidValue(f"Synapse {synapse.name} does not lead forward: it must be dense, "
                           "between populations without a map")
    if not source.emit_max:
        raise InvalidValue(f"Synapse {synapse.name} leads from the read-out, which does not fire")


def loops(sources: Mapping[str, Sequence[str]]) -> Iterator[set[str]]:
    """Groups of names between which there is a way there and back (strongly connected components),
    each after those that lead to it; ``sources`` are those of each name, strange ones are there
    from the start."""
    reached = {name: set(found) for name, found in sources.items()}
    for middle in reached:
        for found in reached.values():
            if middle in found:
                found |= reached[middle]
    left = dict.fromkeys(sources)
    while left:
        for first in left:
            group = {first} | {name for name in left if first in reached[name]
                               and name in reached[first]}
            if not any(source in left for name in group for source in {*sources[name]} - group):
                break
        yield group
        for name in group:
            del left[name]
