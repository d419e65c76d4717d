"""A NIR file as a graph of float layers.

NIR (Neuromorphic Intermediate Representation, doi:10.1038/s41467-024-52259-9) is a graph of nodes
in an HDF5 file.  What its neurons mean is :mod:`qblif.golden.foreign.readings`.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

from ..spec import Input
from ..spec.errors import InvalidValue, QblifError
from .graph import Graph
from .layers import PARAMETERS, Builder, read_neurons
from .paths import find_ways, order, reach

__all__ = ["build_graph", "nir_package", "open_graph", "read", "read_with"]

LARGEST_FILE = 1 << 27  # Numbers.


def read(path: str | os.PathLike[str]) -> Graph:
    """The graph in the NIR file at ``path``.

    Raises :class:`ValueError` for a missing, damaged or foreign file, and for a node or graph that
    has no exact form, by its name; :class:`QblifError` where the ``nir`` package is missing.
    """
    graph = open_graph(path)
    try:
        return build_graph(dict(graph.nodes), [(str(a), str(b)) for a, b in graph.edges])
    except QblifError as error:
        raise InvalidValue(f"{path}: {error}") from error
    except (AttributeError, TypeError, ValueError, IndexError, OverflowError,
            RecursionError) as error:
        raise InvalidValue(f"{path}: a NIR file with fields that make no sense "
                           f"({' '.join(str(error).split())})") from error


def nir_package():
    """The ``nir`` package, or :class:`QblifError` where it is missing."""
    try:
        import nir
    except ModuleNotFoundError as error:
        raise QblifError("NIR files need the nir package: pip install 'qblif[nir]'") from error
    return nir


def open_graph(path: str | os.PathLike[str]):
    """The graph in a NIR file as ``nir.NIRGraph``; :class:`ValueError` where it is none."""
    # Norse, Sinabs and Rockpool write shapes with batch or time, which the type check refuses.
    return read_with(lambda nir, name: nir.read(name, type_check=False), path, "a NIR file")


def read_with(reader, path, what):
    """``reader(nir, path)``, ``what`` is in the HDF5 file; :class:`ValueError` where it is not."""
    nir, path = nir_package(), Path(path)
    if not path.is_file():
        raise InvalidValue(f"{path}: there is no such file")
    try:
        _refuse_oversized(path)
        return reader(nir, path)
    except InvalidValue as error:
        raise InvalidValue(f"{path}: {error}") from error
    except Exception as error:  # h5py and nir raise whatever the damage leads to.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InvalidValue(f"{path}: truncated, or not {what} ({reason})") from error


def _refuse_oversized(path):
    """A small file can declare arrays that no memory holds."""
    import h5py
    sizes = []
    with h5py.File(path, "r") as file:
        file.visititems(lambda _, item: sizes.append(getattr(item, "size", 0) or 0))
    if sum(sizes) > LARGEST_FILE:
        raise InvalidValue(f"A NIR file must have at most {LARGEST_FILE:,} numbers, not "
                           f"{sum(sizes):,}")


def build_graph(nodes, edges) -> Graph:
    """The graph of ``nodes`` (NIR nodes by name) along ``edges`` (pairs of names), with those of
    graphs within it in place of these."""
    nodes, edges = _inlined(nodes, edges)
    _check_edges(nodes, edges)
    first, last = (_only(kind, nodes, "Graph") for kind in ("Input", "Output"))
    for a, b in edges:
        if b == first or a == last:
            raise InvalidValue(f"Edge {a} to {b} leads to the input or from the output")
    for way, reached in (("from the input to", reach(edges, first)),
                         ("to the output from", reach([(b, a) for a, b in edges], last))):
        if set(nodes) - reached:
            raise InvalidValue(f"No edges lead {way} {', '.join(sorted(set(nodes) - reached))}")
    ways = find_ways([first, *(n for n in nodes if _kind(nodes[n]) in PARAMETERS), last], edges)
    names, back = order(ways, first, last)
    builder, called = Builder(nodes[first].input_type["input"]), {first: Input.name}

    def walk(way, target=None):
        made = builder.way(called[way[0]], target)
        for name in way[1:]:
            made.take(name, _kind(nodes[name]), nodes[name])
        return made

    for name in names:
        forward = [walk(way) for way in ways[name] if (way[0], name) not in back]
        node = read_neurons(name, _kind(nodes[name]), nodes[name], (name, name) in back)
        called[name] = builder.add(name, forward, node)
    for source, name in sorted(back):
        for way in ways[name]:
            if way[0] == source:
                made = walk(way, called[name])
                if source != name and made.names and made.bias.any():
                    raise InvalidValue(f"Node {made.label} has biases on a way back from {source} "
                                       f"to {name}, and whether the first timestep has them is "
                                       f"not said: give them to the other weights of {name}")
                builder.connect(name, made, called[name], recurrent=True)
    return replace(builder.finish(last, [walk(way) for way in ways[last]]), input_name=first)


def _kind(node):
    return type(node).__name__


def _only(kind, nodes, graph):
    names = [name for name, node in nodes.items() if _kind(node) == kind]
    if len(names) != 1:
        raise InvalidValue(f"{graph} must have one {kind} node, not {len(names)}")
    return names[0]


def _inlined(nodes, edges):
    """Nodes and edges with those of graphs within the graph in place of these, which must have one
    input and one output."""
    found, joined = {}, list(edges)
    for name, node in nodes.items():
        if _kind(node) != "NIRGraph":
            found[name] = node
            continue
        inner, within = _inlined(dict(node.nodes), [(str(a), str(b)) for a, b in node.edges])
        _check_edges(inner, within)
        into, out = (_only(kind, inner, f"Graph {name}") for kind in ("Input", "Output"))
        firsts = [f"{name}.{b}" for a, b in within if a == into]
        lasts = [f"{name}.{a}" for a, b in within if b == out]
        found |= {f"{name}.{n}": one for n, one in inner.items() if n not in (into, out)}
        joined = [(a, b) for edge in joined for a in (lasts if edge[0] == name else edge[:1])
                  for b in (firsts if edge[1] == name else edge[1:])]
        joined += [(f"{name}.{a}", f"{name}.{b}") for a, b in within
                   if a != into and b != out]
    return found, joined


def _check_edges(nodes, edges):
    for (a, b), count in Counter(edges).items():
        if a not in nodes or b not in nodes:
            raise InvalidValue(f"Edge {a} to {b} names a node that does not exist")
        if count > 1:
            raise InvalidValue(f"Edge {a} to {b} is there twice")
