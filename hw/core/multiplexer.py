"""One of many: of words through two registers, of constants in the same cycle."""

from amaranth import C, Mux, Signal

from .payloads import pipe

__all__ = ["look_up", "select"]


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


def look_up(m, index, name, rows):
    """``rows[index]``, combinational; a column of equal values is a constant."""
    found = [C(column[0], range(max(column) + 1)) if len(set(column)) == 1
             else Signal(range(max(column) + 1), name=f"{name}_{k}")
             for k, column in enumerate(zip(*rows, strict=True))]
    with m.Switch(index):
        for key, row in enumerate(rows):
            with m.Case(key):
                m.d.comb += [value.eq(n) for value, n in zip(found, row, strict=True)
                             if isinstance(value, Signal)]
    return found
