"""Windows, against convolutions computed the long way."""

import itertools

import numpy as np
import pytest
from mutants import mutant
from window_cases import CASES, convolve

from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population
from qblif.hw.layout.window import Span, Window

AXES = [  # Size, kernel, stride, padding, pool: all that leave a row.
    axis for axis in itertools.product(range(1, 7), (1, 2, 3), (1, 2, 3), (0, 1, 2), (1, 2))
    if axis[0] // axis[4] + 2 * axis[3] >= axis[1]]


def window_of(source, channels, fields, width=2, kind=Window):
    conv = Conv2d(source="a", target="b", **fields)
    return kind(conv, source, conv.output_shape(source, channels), width)


def axes_of(rows, columns):
    """The window of two of :data:`AXES`."""
    names = "kernel", "stride", "padding", "pool"
    return window_of((1, rows[0], columns[0]), 1, dict(
        zip(names, zip(rows[1:], columns[1:], strict=True), strict=True)))


def reads(size, kernel, stride, padding, pool, target):
    """Source rows that a target row reads, tap by tap."""
    pooled = [target * stride - padding + tap for tap in range(kernel)]
    return [row * pool + k for row in pooled for k in range(pool) if 0 <= row < size // pool]


def check_axis(spans, axis):
    for target, span in enumerate(spans):
        expected = reads(*axis, target)
        assert list(range(span.first, span.end)) == expected
        assert span.low == (target * axis[2] - axis[3]) * axis[4]
        for row in expected:  # Its place in the window says which tap it meets.
            tap = (row - span.low) // axis[4]
            assert 0 <= tap < axis[1] and row // axis[4] == target * axis[2] - axis[3] + tap


def check_drops(window, axis):
    """A row is dropped after the last target that reads it, or any row after it."""
    gone, targets = 0, len(window.rows)
    for target, drop in enumerate(window.drops):
        gone += drop
        later = [row for after in range(target + 1, targets) for row in reads(*axis, after)]
        assert not later or gone <= min(later)
        if later and reads(*axis, target + 1):
            assert gone == min(reads(*axis, target + 1))
    assert gone == axis[0] and min(window.drops) >= 0


@pytest.mark.parametrize("size", range(1, 7))
def test_every_small_axis(size):
    for axis in (axis for axis in AXES if axis[0] == size):
        window = axes_of(axis, (5, 2, 1, 0, 1))
        check_axis(window.rows, axis)
        check_axis(axes_of((5, 2, 1, 0, 1), axis).columns, axis)
        check_drops(window, axis)
        assert window.least_rows == max(1, *(span.count for span in window.rows))


def last_read(rows, columns, window):
    """The last source position that a target position or one before it reads."""
    last, found = -1, []
    for y, x in itertools.product(range(window.target[1]), range(window.target[2])):
        here = [row * columns[0] + column for row in reads(*rows, y)
                for column in reads(*columns, x)]
        if not y:  # No step before its frame has begun.
            here += [max([0, *reads(*rows, 0)]) * columns[0] + max([0, *reads(*columns, x)])]
        last = max([last, *here])
        found.append(last)
    return found


def test_last_read():
    draw = np.random.default_rng(0)
    for _ in range(600):
        rows, columns = (AXES[k] for k in draw.integers(len(AXES), size=2))
        window = axes_of(rows, columns)
        assert window.last_read().tolist() == last_read(rows, columns, window)


def gather(window, words, levels):
    """Every target position's sums, from the weight words that its events are given."""
    channels, rows, columns = window.target
    kernel, pool = window.synapse.kernel, window.synapse.pool
    sums = np.zeros((rows, columns, window.words, window.width), int)
    for y, x, word in itertools.product(range(rows), range(columns), range(window.words)):
        down, across = window.rows[y], window.columns[x]
        for row in range(down.first, down.end):
            for column in range(across.first, across.end):
                tap = ((row - down.low) // pool[0] * kernel[1] + (column - across.low) // pool[1])
                for channel in np.flatnonzero(levels[:, row, column]):
                    place = channel - window.lows[word]
                    if 0 <= place < window.reach:
                        sums[y, x, word] += levels[channel, row, column] * words[
                            (word * window.taps + tap) * window.reach + place]
    return sums.reshape(rows, columns, -1)[..., :channels].transpose(2, 0, 1)


def check_weights(source, channels, fields, width, kind=Window):
    draw = np.random.default_rng(width)
    window = window_of(source, channels, fields, width, kind)
    weights = draw.integers(-99, 100, window.synapse.weight_shape(source, window.target))
    levels = draw.integers(0, 4, source)
    words = window.weight_words(weights)
    assert words.shape == (window.depth, width)
    np.testing.assert_array_equal(gather(window, words, levels),
                                  convolve(window.synapse, levels, weights))


@pytest.mark.parametrize("width", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("source, channels, fields", CASES)
def test_gathered_events_are_the_convolution(source, channels, fields, width):
    check_weights(source, channels, fields, width)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("width", range(1, 13))
def test_groups_and_words_of_every_width(groups, width):
    """Words that divide a group's channels and words that do not."""
    check_weights((6, 3, 3), 12, {"kernel": 2, "groups": groups}, width)


def visits(window, words):
    """Words with weights from each channel, through any tap."""
    reads = words.reshape(window.words, window.taps, window.reach, window.width).any((1, 3))
    return [sum(reads[word, channel - low] for word, low in enumerate(window.lows)
                if 0 <= channel - low < window.reach) for channel in range(window.source[0])]


@pytest.mark.parametrize("width", range(1, 13))
def test_a_residual_edges_event_is_read_for_one_word(width):
    """Of a channel for each channel, however many lanes there are."""
    window = window_of((12, 2, 2), 12, {"kernel": 1, "groups": 12}, width)
    words = window.weight_words(np.ones((12, 1, 1, 1), int))
    assert window.visits == visits(window, words) == [1] * 12
    assert window.reach == width


@pytest.mark.parametrize("groups, width, expected", [
    (1, 5, [3] * 6), (2, 6, [1] * 6), (2, 3, [2] * 6), (2, 12, [1] * 6), (2, 8, [2] * 6),
    (3, 8, [1] * 6), (6, 3, [1, 2, 1, 1, 2, 1])])
def test_words_that_a_channel_is_read_for(groups, width, expected):
    window = window_of((6, 2, 2), 12, {"kernel": 1, "groups": groups}, width)
    assert window.visits == expected


@pytest.mark.parametrize("old, new", [
    ("0 if whole else first", "first + whole"),
    ("0 if whole else first", "max(0, first - 1)"),
    ("channels + self.reach,", "channels,"),
    ("// share + 1) * before", "// share) * before + 1"),
    ("transpose(2, 3, 1, 0)", "transpose(3, 2, 1, 0)"),
    ("(target * stride - padding) * pool", "target * stride * pool - padding"),
    ("size = self.source[1 + axis] // pool * pool", "size = self.source[1 + axis]"),
])
def test_a_broken_rule_is_found(old, new):
    kind = mutant(Window, old, new)
    with pytest.raises((AssertionError, ValueError, IndexError)):
        for source, channels, fields in [*CASES, ((6, 3, 3), 12, {"kernel": 2, "groups": 2}),
                                         ((2, 5, 5), 2, {"kernel": 2, "pool": 2, "padding": 1})]:
            for width in (1, 2, 4, 5):
                check_weights(source, channels, fields, width, kind)


def test_spans_by_hand():
    window = window_of((1, 5, 4), 1, {"kernel": 3, "stride": 2, "padding": (1, 0)})
    assert window.rows == [Span(0, 2, -1), Span(1, 4, 1), Span(3, 5, 3)]
    assert window.columns == [Span(0, 3, 0)]
    assert window.drops == [1, 2, 2]
    assert window.last_read().tolist() == [6, 14, 18]


def test_dense_is_the_kernel_of_the_whole_source():
    spec = Network(
        timesteps=1, input=Input(shape=(2, 2, 2), n_max=1),
        populations=[Population(name="out", shape=(3,), sum_width=12,
                                neuron=Neuron(quantiser=None, v_width=12))],
        synapses=[Dense(source="input", target="out")])
    window = Window.of(spec, spec.synapses[0], 2)
    assert window.rows == window.columns == [Span(0, 2, 0)] and window.depth == 16
    weights = np.arange(24).reshape(3, 8)
    words = window.weight_words(weights)
    assert words[:3].tolist() == [[0, 8], [4, 12], [1, 9]]  # Channels of a position, then columns.
    assert words[8:10].tolist() == [[16, 0], [20, 0]]
