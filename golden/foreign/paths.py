"""Ways between the neurons of a graph, their order, and which ways lead back in time.

A NIR graph may have cycles, and does not say where in one a timestep passes.  It must pass
somewhere; a cycle that is entered at one place can only be computed from there, so that the way
which comes back to that place brings the spikes of the timestep before.  A cycle with two entries
could be computed from either, with different spikes, and is refused.
"""

from graphlib import CycleError, TopologicalSorter

from ..spec.errors import InvalidValue

__all__ = ["find_ways", "order"]

MOST = 64  # Ways to one population: forks and joins between neurons may be as many as 2**nodes.


def find_ways(ends, edges):
    """``{end: [(source, *between)]}``: every way that leads to one of ``ends`` from another, the
    first of which is the input, or from itself, along ``edges``; pairs of names."""
    before, known, found = {}, {*ends}, {}
    for a, b in edges:
        before.setdefault(b, []).append(a)
    for end in ends[1:]:
        found[end] = []
        for way in _backwards(end, before, known, ()):
            found[end].append(way)
            if len(found[end]) > MOST:
                raise InvalidValue(f"Node {end} has more than {MOST} ways that lead to it")
    return found


def _backwards(name, before, ends, behind):
    for source in sorted(before[name]):
        if source in behind:
            raise InvalidValue(f"Node {source} leads back to itself without neurons between")
        if source in ends:
            yield (source, *behind)
        else:
            yield from _backwards(source, before, ends, (source, *behind))


def order(ways, first, last):
    """``(names, back)``: the ends between ``first`` and ``last`` in order of computation, by name
    where it is open; and the pairs ``(source, end)`` that lead back, to a place which every way
    from ``first`` to the source passes."""
    edges = {(way[0], end) for end in ways for way in ways[end]}
    back = {(a, b) for a, b in edges if a == b or a not in reach(edges, first, without=b)}
    sorter = TopologicalSorter({end: {a for a, b in edges - back if b == end} for end in ways})
    try:
        sorter.prepare()
    except CycleError as error:
        raise InvalidValue("Graph has a cycle that is entered at more than one place, "
                           f"{' to '.join(error.args[1][::-1])}: which of its edges brings the "
                           "spikes of the timestep before is not said") from error
    names = []
    while sorter.is_active():
        ready = sorter.get_ready()
        sorter.done(*ready)
        names += sorted(ready)
    return [name for name in names if name not in (first, last)], back


def reach(edges, first, without=None):
    """Everything to which ``edges`` lead from ``first``, itself among it, not through
    ``without``."""
    after = {}
    for a, b in edges:
        after.setdefault(a, []).append(b)
    found, front = {first}, [first]
    while front:
        new = {*after.get(front.pop(), ())} - found - {without}
        found |= new
        front += new
    return found
