"""Frames as AER streams, against a loop."""

import numpy as np
import pytest
from mutants import mutant

from qblif.golden.spec import Dense, Input, Network, Neuron, Population, as_map
from qblif.hw.layout.input_stream import InputFormat

SHAPES = [(7,), (5, 1, 1), (3, 2, 5), (4, 3, 3), (1, 1, 2), (5, 6, 1)]
FRAMES = 4


def network(shape, static, timesteps):
    return Network(
        timesteps=timesteps, input=Input(shape=shape, n_max=3, static=static),
        populations=[Population(name="out", shape=(2,), sum_width=12,
                                neuron=Neuron(quantiser=None, v_width=12))],
        synapses=[Dense(source="input", target="out")])


def draw_frames(spec):
    draw = np.random.default_rng(spec.timesteps)
    shape = (FRAMES, spec.input.size) if spec.input.static else (
        FRAMES, spec.timesteps, spec.input.size)
    levels = draw.integers(0, 4, shape) * (draw.random(shape) < 0.5)
    levels[2] = 0
    return levels


def bits(count):
    return (count - 1).bit_length()


def expected(spec, order, frames):
    """``(frame, neuron, address, level, eot)`` of every transfer, and the step of each address."""
    channels, rows, columns = shape = as_map(spec.input.shape)
    flat, static = shape[1:] == (1, 1), spec.input.static
    repeats = spec.timesteps if static and order == "outer" else 1
    for frame, levels in enumerate(frames):
        steps = np.repeat(levels[None], repeats, 0) if static else levels
        # A map's timesteps share a position where they are innermost; else they follow each other.
        parts = [steps] if order == "inner" and not flat else [step[None] for step in steps]
        for part in parts:
            field = bits(len(part))
            for row, column, step, channel in np.ndindex(rows, columns, len(part), channels):
                neuron = (channel * rows + row) * columns + column
                address = channel
                for value, low in ((step, bits(channels)), (column, bits(channels) + field),
                                   (row, bits(channels) + field + bits(columns))):
                    address += value << low
                if level := part[step, neuron]:
                    yield frame, neuron, address, level, 0
            yield frame, -1, 0, 0, 1


CONFIGURATIONS = pytest.mark.parametrize("shape, static, timesteps, order", [
    (shape, static, timesteps, order) for shape in SHAPES for static in (True, False)
    for timesteps in (1, 2, 3, 4) for order in ("inner", "outer")])


@CONFIGURATIONS
def test_events_in_raster_order_and_markers(shape, static, timesteps, order):
    spec = network(shape, static, timesteps)
    frames = draw_frames(spec)
    layout = InputFormat.of(spec, order)
    stream = list(zip(*layout.stream(frames), strict=True))
    assert stream == list(expected(spec, order, frames))
    assert sum(transfer[4] for transfer in stream) == FRAMES * layout.ends
    part = []
    for *_, address, _, eot in stream:  # The contract: addresses only rise.
        assert eot or not part or address > part[-1]
        part = [] if eot else [*part, address]
    assert max(address for _, _, address, _, _ in stream) < layout.address_space


@CONFIGURATIONS
def test_by_neuron_is_the_inverse_of_by_address(shape, static, timesteps, order):
    spec = network(shape, static, timesteps)
    layout, frames = InputFormat.of(spec, order), draw_frames(spec)
    travelling = layout.by_address(frames)
    assert travelling.shape == (FRAMES, layout.ends, layout.address_space)
    for frame, found in zip(frames, travelling, strict=True):
        np.testing.assert_array_equal(layout.by_neuron(found).reshape(frame.shape), frame)


@CONFIGURATIONS
def test_full_frames(shape, static, timesteps, order):
    """The number of transfers is the most; the addresses' steps count up; the last address is
    the highest."""
    spec = network(shape, static, timesteps)
    layout = InputFormat.of(spec, order)
    size = spec.input.size if static else (spec.timesteps, spec.input.size)
    stream = layout.stream(np.ones((1, *np.atleast_1d(size)), int))
    assert len(stream.eot) == layout.transfers
    addresses = stream.address[:layout.transfers // layout.ends - 1]
    assert addresses[-1] == layout.address_space - 1
    steps = [layout.step_of(int(address)) for address in addresses]
    channels = as_map(shape)[0]
    assert steps == [k // channels for k in range(layout.steps * channels)]


@pytest.mark.parametrize("old, new", [
    ("channel | timestep << low | column << above", "channel | timestep << above | column << low"),
    ("np.concatenate([address * 0, markers * 0 + 1])", "np.concatenate([address, markers * 0])"),
    ("repeats=timesteps if source.static and not inner", "repeats=timesteps if not inner"),
    ("inner and framed and not source.static else 1,\n", "inner and framed else 1,\n"),
])
def test_a_broken_rule_is_found(old, new):
    kind = mutant(InputFormat, old, new)
    same = []
    for static in (True, False):
        spec = network((3, 2, 5), static, 3)
        frames = draw_frames(spec)
        for order in ("inner", "outer"):
            try:
                stream = list(zip(*kind.of(spec, order).stream(frames), strict=True))
            except IndexError:
                stream = None
            same.append(stream == list(expected(spec, order, frames)))
    assert not all(same)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_frames(shape):
    layout = InputFormat.of(network(shape, True, 2), "inner")
    assert all(len(part) == 0 for part in layout.stream(np.zeros((0, layout.source.size), int)))
