"""Read multiplexer: one of many words, through two registers."""

from amaranth import Mux

from .payloads import pipe

__all__ = ["select"]


def select(m, items, index, name):
    """``items[index]`` through two registers: a tree of 8 to 1, then the rest."""
    near = [pipe(m, tree(items[k:k + 8], index[:3]), 1, f"{name}_{k // 8}")
            for k in range(0, len(items), 8)]
    return pipe(m, tree(near, pipe(m, index[3:], 1, f"{name}_index")), 1, name)


def tree(items, index):
    """``items[index]`` as a tree of two-way multiplexers, one level a bit."""
    for bit in index:
        items = [Mux(bit, pair[-1], pair[0]) for pair in
                 (items[k:k + 2] for k in range(0, len(items), 2))]
        if len(items) == 1:
            break
    return items[0]
