"""Frames from memory through a network as logic, against the integer model."""

from dataclasses import replace

import numpy as np
import pytest

from qblif.boards.host.play import pack_banks
from qblif.golden import integer
from qblif.golden.spec.pixels import to_levels
from qblif.hw.link.frame_player import FramePlayer, frame_banks
from qblif.hw.logic.layout import LogicLayout
from qblif.sim.stream import simulate_component, stream_put, wait


@pytest.fixture(scope="module", params=["levels", "pixels", "timesteps", "interleaved",
                                        "interleaved pixels"])
def case(request, tiny):
    trained, draw = tiny[0], np.random.default_rng(0)
    timesteps, static = {"timesteps": (2, False), "interleaved": (3, False),
                         "interleaved pixels": (2, True)}.get(request.param, (1, True))
    spec = replace(trained.spec, timesteps=timesteps,
                   input=replace(trained.spec.input, static=static))
    trained = replace(trained, spec=spec)
    layout = LogicLayout(trained, "compressors", pixels="pixels" in request.param,
                         interleaved="interleaved" in request.param)
    if layout.pixels:
        frames = draw.integers(0, 256, (200, 12), np.uint8)
        levels = to_levels(frames, spec.input.n_max)
    else:
        frames = levels = draw.integers(0, 6, (200, 12) if static else (200, timesteps, 12))
    classes = integer.run(trained, levels).classes.numpy()
    # No two successive ones are of one class, so that one in another's place is seen.
    chosen = np.flatnonzero(np.diff(classes, prepend=-1))[:9]
    return layout, frames[chosen], classes[chosen].tolist()


async def load(ctx, dut, layout, frames):
    words = pack_banks(frames, 8 if layout.pixels else 3, frame_banks(layout))
    for bank, column in enumerate(words.tolist()):
        for address, word in enumerate(column):
            ctx.set(dut.write, 1)
            ctx.set(dut.bank, bank)
            ctx.set(dut.address, address)
            ctx.set(dut.data, word)
            await ctx.tick()
    ctx.set(dut.write, 0)


async def pulse(ctx, signal):
    ctx.set(signal, 1)
    await ctx.tick()
    ctx.set(signal, 0)


async def play(ctx, dut, count):
    """Whether the frames were played."""
    await pulse(ctx, dut.start)
    for byte in count:
        await stream_put(ctx, dut.i, byte)
    await wait(ctx, 3)
    assert ctx.get(dut.active) and not ctx.get(dut.done) and not ctx.get(dut.error)
    ctx.set(dut.finish, 1)
    while not ctx.get(dut.done) and not ctx.get(dut.error):
        await ctx.tick()
    ctx.set(dut.finish, 0)
    assert ctx.get(dut.done) != ctx.get(dut.error) and not ctx.get(dut.active)
    return bool(ctx.get(dut.done))


def test_frames(case):
    layout, frames, classes = case
    dut = FramePlayer(layout, 10)
    bits = 8 if layout.pixels else 3 if layout.spec.input.static else 3 * layout.spec.timesteps
    assert dut.banks == -(-12 * bits // 32)

    async def drive(ctx):
        await load(ctx, dut, layout, frames)
        for count in (9, 1, 4, 9):
            assert await play(ctx, dut, count.to_bytes(4, "little"))
            assert ctx.get(dut.cycles) == layout.count_cycles(count).last[-1]
            await wait(ctx, 30)
            assert ctx.get(dut.cycles) == layout.count_cycles(count).last[-1]
            assert ctx.get(dut.label) == classes[count - 1] and ctx.get(dut.label_valid)
            found = []
            for address in range(count):
                ctx.set(dut.address, address)
                await wait(ctx, 2)
                found.append(ctx.get(dut.word))
            assert found == classes[:count]
        # The frames that are played next are others.
        await load(ctx, dut, layout, frames[::-1])
        assert await play(ctx, dut, (9).to_bytes(4, "little"))
        assert ctx.get(dut.label) == classes[0]

    simulate_component(dut, drive, timeout=3000)
    assert layout.interleaved == (layout.count_cycles(9).last[-1] > 8 + layout.latency)
    assert len(set(classes)) > 1


@pytest.mark.parametrize("count", [b"", b"\1", b"\1\0\0", b"\0\0\0\0", b"\13\0\0\0", b"\1\0\0\1",
                                   b"\1\0\0\0\0", b"\1\0\0\0\0\0\0\0"])
def test_no_such_number_of_frames(case, count):
    dut = FramePlayer(case[0], 10)

    async def drive(ctx):
        assert not await play(ctx, dut, count)
        assert await play(ctx, dut, b"\12\0\0\0")  # And then it plays.

    simulate_component(dut, drive, timeout=1000)
