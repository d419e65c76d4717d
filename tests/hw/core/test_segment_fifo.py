import itertools
import random

import pytest
from amaranth.lib import data
from mutants import mutant
from poison import poisoned

from qblif.hw.core.segment_fifo import SegmentFifo
from qblif.sim.stream import simulate_component, stream_checker, stream_get, wait

ITEM = data.StructLayout({"release": 1, "last": 1, "number": 10})


def items_of(lengths):
    """The segments of steps of these lengths, 0 for a target row's end; and each step's."""
    number, steps = itertools.count(), []
    for length in lengths:
        steps.append([{"release": int(not length), "last": int(k == length - 1),
                       "number": next(number) % 1024} for k in range(max(1, length))])
    return [item for step in steps for item in step], steps


def expected(steps, words):
    """Each segment with its word."""
    for step in steps:
        for word in range(1 if step[0]["release"] else words):
            yield from ((item, word) for item in step)


def run(lengths, words, depth, *, push_stall=0, stall=0, seed=0, kind=SegmentFifo, timeout=50_000):
    """What leaves, with its word; ``push_stall`` and ``stall`` are the most idle cycles."""
    dut, draw, found = kind(ITEM, words=words, depth=depth), random.Random(seed), []
    items, steps = items_of(lengths)
    count = len(list(expected(steps, words)))

    async def push(ctx):
        for item in items:
            await wait(ctx, draw.randint(0, push_stall))
            while ctx.get(dut.level) == depth:
                await ctx.tick()
            ctx.set(dut.push, 1)
            ctx.set(dut.item, item)
            await ctx.tick()
            ctx.set(dut.push, 0)

    async def pop(ctx):
        for _ in range(count):
            await wait(ctx, draw.choice([0, stall]))
            word = None
            ctx.set(dut.o.ready, 1)
            valid = False
            while not valid:
                _, _, valid, payload, word = await ctx.tick().sample(dut.o.valid, dut.o.p, dut.word)
            ctx.set(dut.o.ready, 0)
            found.append(({name: int(payload[name]) for name in ("release", "last", "number")},
                          word))

    with poisoned():
        simulate_component(dut, push, pop, background=[stream_checker(dut.o)], timeout=timeout)
    return found, list(expected(steps, words))


def check(*args, **options):
    found, wanted = run(*args, **options)
    assert found == wanted


STEPS = [lengths for count in (1, 2, 3) for lengths in itertools.product(range(5), repeat=count)]


@pytest.mark.parametrize("words", [1, 2, 3])
def test_every_sequence_of_up_to_three_steps(words):
    """Of 1 to 4 segments, as many as there are places, with target rows' ends between them."""
    lengths = [length for lengths in STEPS for length in lengths]
    check(lengths, words, 4)


@pytest.mark.parametrize("push_stall, stall", [(0, 9), (5, 0), (3, 3)])
@pytest.mark.parametrize("words", [1, 2, 5])
def test_stalls(words, push_stall, stall):
    draw = random.Random(words)
    check([draw.randint(0, 16) for _ in range(40)], words, 16, push_stall=push_stall, stall=stall)


def test_a_segment_a_cycle():
    lengths, words = [3, 1, 0, 4, 2, 0, 0, 1], 3
    count = len(list(expected(items_of(lengths)[1], words)))
    # One cycle for the first push; the pushes are ahead from then on.
    check(lengths, words, 16, timeout=count + 3)


def test_places_are_free_only_after_the_last_word():
    dut, levels = SegmentFifo(ITEM, words=2, depth=4), []
    items, _ = items_of([2, 0])

    async def both(ctx):
        for item in items:
            ctx.set(dut.push, 1)
            ctx.set(dut.item, item)
            await ctx.tick()
        ctx.set(dut.push, 0)
        for _ in range(5):
            levels.append(ctx.get(dut.level))
            await stream_get(ctx, dut.o)
        levels.append(ctx.get(dut.level))

    simulate_component(dut, both)
    assert levels == [3, 3, 3, 2, 1, 0]


def test_push_into_a_full_fifo():
    dut = SegmentFifo(ITEM, words=1, depth=4)

    async def push(ctx):
        ctx.set(dut.push, 1)
        await wait(ctx, 6)

    with pytest.raises(AssertionError, match="push into a full segment FIFO$"):
        simulate_component(dut, push)


@pytest.mark.parametrize("old, new", [
    ("with m.If(last_word | self.o.p.release):", "with m.If(last_word):"),
    ("m.d.sync += head.eq(first)", "m.d.sync += head.eq(0)"),
    ("self.word == self.words - 1", "self.word == max(0, self.words - 2)"),
    ("m.d.sync += first.eq(head + 1)", "m.d.sync += first.eq(head)"),
])
def test_a_broken_rule_is_found(old, new):
    with pytest.raises(AssertionError):
        check([1, 0, 3, 4, 0, 2, 4, 4, 0, 4], 3, 4, kind=mutant(SegmentFifo, old, new),
              timeout=500)
