"""Small convolutions, and where their events go: what tests of address decoder and generator share.
"""

from qblif.golden.spec import Conv2d
from qblif.hw.layout.scatter import ScatterMap

__all__ = ["CASES", "fan_out", "scatter_of"]

CASES = [  # Source, channels of the target, lanes, and the convolution.
    ((2, 3, 4), 3, 2, {"kernel": 3, "padding": 1}),
    ((1, 5, 4), 5, 2, {"kernel": (3, 2), "stride": 2, "padding": (1, 0)}),
    ((4, 3, 3), 6, 2, {"kernel": 2, "groups": 2}),
    ((6, 2, 2), 6, 4, {"kernel": 1, "groups": 6}),
    ((3, 5, 5), 4, 4, {"kernel": 2, "pool": 2}),  # Pooling drops the last row and column.
]


def scatter_of(source, channels, lanes, fields):
    conv = Conv2d(source="a", target="b", **fields)
    return ScatterMap(conv, source, conv.output_shape(source, channels), lanes)


def fan_out(scatter, channel, row, column):
    """First weight, first accumulator, rows and columns that follow; ``None`` without a target.

    Found by trying all targets and taps, not from the tables.
    """
    conv, (channels, *_), target = scatter.synapse, scatter.source, scatter.target
    if any(place // pool >= size // pool for place, pool, size
           in zip((row, column), conv.pool, scatter.source[1:], strict=True)):
        return None
    reached = [
        [(place, tap) for place in range(size) for tap in range(kernel)
         if place * stride + tap - padding == at // pool]
        for at, size, kernel, stride, padding, pool in zip(
            (row, column), target[1:], conv.kernel, conv.stride, conv.padding, conv.pool,
            strict=True)]
    if not all(reached):
        return None
    (y, tap_y), (x, tap_x) = reached[0][0], reached[1][0]
    tap = tap_y * conv.kernel[1] + tap_x
    first = channel * conv.groups // channels * (target[0] // conv.groups) // scatter.lanes
    first = min(first, scatter.groups - scatter.slots)
    return {"weight": tap * scatter.slots * channels + channel,
            "word": (y * target[2] + x) * scatter.groups + first,
            "rows": len(reached[0]) - 1, "columns": len(reached[1]) - 1}
