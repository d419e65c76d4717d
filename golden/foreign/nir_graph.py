"""A NIR file as a chain of float layers: synapse, then neurons.

NIR (Neuromorphic Intermediate Representation, doi:10.1038/s41467-024-52259-9) is a graph of nodes
in an HDF5 file.  What its neurons mean is :mod:`qblif.golden.foreign.readings`.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..spec.errors import InvalidValue, QblifError
from .chain import Chain
from .layers import PARAMETERS, Builder

__all__ = ["build_chain", "nir_package", "open_graph", "read"]

LARGEST_FILE = 1 << 26  # Numbers.


def read(path: str | os.PathLike[str]) -> Chain:
    """The chain in the NIR file at ``path``.

    Raises :class:`ValueError` for a missing, damaged or foreign file, and for a node or graph that
    has no exact form, by its name; :class:`QblifError` where the ``nir`` package is missing.
    """
    graph = open_graph(path)
    try:
        return build_chain(dict(graph.nodes), [(str(a), str(b)) for a, b in graph.edges])
    except QblifError as error:
        raise InvalidValue(f"{path}: {error}") from error
    except (AttributeError, TypeError, ValueError, IndexError, OverflowError) as error:
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
    nir, path = nir_package(), Path(path)
    if not path.is_file():
        raise InvalidValue(f"{path}: there is no such file")
    try:
        _refuse_oversized(path)
        # Norse, Sinabs and Rockpool write shapes with batch or time, which the type check refuses.
        return nir.read(path, type_check=False)
    except InvalidValue as error:
        raise InvalidValue(f"{path}: {error}") from error
    except Exception as error:  # h5py and nir raise whatever the damage leads to.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InvalidValue(f"{path}: truncated, or not a NIR file ({reason})") from error


def _refuse_oversized(path):
    """A small file can declare arrays that no memory holds."""
    import h5py
    sizes = []
    with h5py.File(path, "r") as file:
        file.visititems(lambda _, item: sizes.append(getattr(item, "size", 0) or 0))
    if sum(sizes) > LARGEST_FILE:
        raise InvalidValue(f"A NIR file must have at most {LARGEST_FILE:,} numbers, not "
                           f"{sum(sizes):,}")


def build_chain(nodes, edges) -> Chain:
    """The chain of ``nodes`` (NIR nodes by name) along ``edges`` (pairs of names), in which neurons
    may have weights from themselves to themselves, in a graph of their own or not."""
    nodes, edges = _inlined(nodes, edges)
    _check_edges(nodes, edges)
    back, edges = _take_recurrent(nodes, edges)
    first, *between, _ = _in_order({n: node for n, node in nodes.items()
                                    if n not in back.values()}, edges)
    builder = Builder(nodes[first].input_type["input"])
    for name in between:
        builder.take(name, type(nodes[name]).__name__, nodes[name])
        if name in back:
            builder.take_recurrent(back[name], nodes[back[name]])
    return builder.finish()


def _inlined(nodes, edges):
    """Nodes and edges with those of graphs within the graph in place of these, which must have one
    input and one output."""
    found, joined = {}, list(edges)
    for name, node in nodes.items():
        if type(node).__name__ != "NIRGraph":
            found[name] = node
            continue
        inner, within = _inlined(dict(node.nodes), [(str(a), str(b)) for a, b in node.edges])
        _check_edges(inner, within)
        ends = {}
        for kind in ("Input", "Output"):
            ends[kind] = [n for n, one in inner.items() if type(one).__name__ == kind]
            if len(ends[kind]) != 1:
                raise InvalidValue(f"Graph {name} must have one {kind} node, not "
                                   f"{len(ends[kind])}")
        (into,), (out,) = ends.values()
        firsts = [f"{name}.{b}" for a, b in within if a == into]
        lasts = [f"{name}.{a}" for a, b in within if b == out]
        found |= {f"{name}.{n}": one for n, one in inner.items() if n not in (into, out)}
        joined = [(a, b) for edge in joined for a in (lasts if edge[0] == name else edge[:1])
                  for b in (firsts if edge[1] == name else edge[1:])]
        joined += [(f"{name}.{a}", f"{name}.{b}") for a, b in within
                   if a != into and b != out]
    return found, joined


def _check_edges(nodes, edges):
    for edge in edges:
        for name in edge:
            if name not in nodes:
                raise InvalidValue(f"Edge {edge[0]} to {edge[1]} names a node that does not exist")


def _take_recurrent(nodes, edges):
    """Weights from neurons to themselves, ``{neurons: weights}``, and the edges without them."""
    back = {}
    for name, node in nodes.items():
        ends = {a for a, b in edges if b == name}, {b for a, b in edges if a == name}
        if (type(node).__name__ in ("Linear", "Affine") and ends[0] == ends[1]
                and len(ends[0]) == 1):
            neurons, = ends[0]
            if neurons in back:
                raise InvalidValue(f"Node {name} leads from {neurons} to itself, and so does "
                                   f"{back[neurons]}")
            if type(nodes[neurons]).__name__ in PARAMETERS:
                back[neurons] = name
    return back, [edge for edge in edges if not {*edge} & {*back.values()}]


def _in_order(nodes, edges):
    """Names from the one input to the one output; refuses anything but a chain."""
    ends = [[n for n, node in nodes.items() if type(node).__name__ == kind]
            for kind in ("Input", "Output")]
    for kind, names in zip(("Input", "Output"), ends, strict=True):
        if len(names) != 1:
            raise InvalidValue(f"Graph must have one {kind} node, not {len(names)}")
    after = {name: [b for a, b in edges if a == name] for name in nodes}
    _refuse_cycle(after)
    for name in nodes:
        before = [a for a, b in edges if b == name]
        for what, found in (("leads to", after[name]), ("is led to by", before)):
            if len(found) > 1:
                raise InvalidValue(f"Graph must be a chain, but node {name} {what} "
                                   f"{' and '.join(sorted(found))}")
    order = ends[0]
    while after[order[-1]]:
        order = [*order, after[order[-1]][0]]
    if order[-1] != ends[1][0] or len(order) != len(nodes):
        lost = sorted(set(nodes) - set(order)) or [order[-1]]
        raise InvalidValue(f"Graph must be a chain from input to output, but {', '.join(lost)} is "
                           "not on it")
    return order


def _refuse_cycle(after):
    """Take away nodes that nothing leads to until none is left, or a cycle is."""
    left = dict(after)
    while left:
        free = set(left) - {target for targets in left.values() for target in targets}
        if not free:
            raise InvalidValue("Graph is recurrent by more than neurons' own weights: nodes "
                               f"{', '.join(sorted(left))} lead back to themselves")
        left = {name: targets for name, targets in left.items() if name not in free}
