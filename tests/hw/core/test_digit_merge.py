"""Bursts of all ports to digits, word by word."""

import itertools
import random

import pytest
from mutants import mutant
from window_cases import engine_of, network

from qblif.golden.spec.burst import digits
from qblif.hw.core.digit_merge import DigitMerge
from qblif.hw.core.window_reader import WindowReader
from qblif.sim.stream import simulate_component, stream_put, wait

CONV = (3, 4, 4), 3, {"kernel": 2}


def make(ports, unread=1, burst="shift", kind=DigitMerge):
    engine = engine_of(network(*CONV), ports=ports, buffers=unread, burst=burst)
    return kind(WindowReader(engine).burst, engine), engine


def digits_of(levels, base, mode):
    return [(base, digit.shift, int(digit.negative)) for level in levels
            for digit in digits(level, mode)]


def run(dut, engine, words, *, gaps=0, late=0, seed=0, timeout=50_000):
    """``(digits of each word and port, expected, cycles of the ends)``.

    ``words`` are the levels of each port's bursts, by word, the last of which ends it.  Their sums
    are released up to ``late`` cycles after they could be read, in order.
    """
    draw, ports = random.Random(seed), range(engine.ports)
    mode, found, ends, now = engine.plan.burst, [[[] for _ in ports]], [], [0]
    unread = []

    def base(number, port):
        return (5 * number + port) % engine.weights.depth

    def source(port):
        async def put(ctx):
            for number, word in enumerate(words):
                for k, level in enumerate(word[port]):
                    await stream_put(ctx, getattr(dut, f"i_{port}"), {
                        "level": level, "end": int(k == len(word[port]) - 1),
                        "base": {"address": base(number, port), "edge": 0}},
                        draw.choice([0, gaps]))
            while len(ends) < len(words):
                await ctx.tick()
            await wait(ctx, 8)
        return put

    async def watch(ctx):
        async for _, _, o in ctx.tick().sample(dut.o):
            now[0] += 1
            for port, digit in enumerate(o.ports):
                if digit.valid:
                    found[-1][port].append((digit.base.address, digit.shift, digit.negative))
            if o.end:
                ends.append(now[0])
                found.append([[] for _ in ports])
                unread.append(draw.choice([0, late]))
                assert len(unread) <= engine.unread, "no register for a word's sums"

    async def release(ctx):
        while True:
            done = bool(unread) and unread[0] <= 0
            if unread:
                unread[0] -= 1
            if done:
                unread.pop(0)
            ctx.set(dut.release, done)
            await ctx.tick()

    simulate_component(dut, *map(source, ports), background=[watch, release], timeout=timeout)
    wanted = [[digits_of(word[port], base(n, port), mode) for port in ports]
              for n, word in enumerate(words)]
    return found, [*wanted, [[] for _ in ports]], ends


def check(dut, engine, words, **options):
    found, wanted, _ = run(dut, engine, words, **options)
    assert found == wanted


def draw_words(engine, count=40):
    """Bursts up to the highest level; those of level 0 have no weights in this word."""
    draw = random.Random(engine.ports)
    return [[[draw.randint(0, 5) for _ in range(draw.randint(1, draw.choice([1, 5])))]
             for _ in range(engine.ports)] for _ in range(count)]


@pytest.mark.parametrize("burst", ["shift", "repeat"])
def test_every_pair_of_ports(burst):
    """One or two bursts on either port, each of any level."""
    bursts = [list(levels) for n in (1, 2) for levels in itertools.product((0, 1, 3), repeat=n)]
    dut, engine = make(2, burst=burst)
    check(dut, engine, list(itertools.product(bursts, repeat=2)))


@pytest.mark.parametrize("gaps, late", [(0, 0), (4, 0), (0, 25), (2, 9)])
@pytest.mark.parametrize("ports, unread, burst", [
    (1, 1, "shift"), (2, 1, "shift"), (2, 3, "repeat"), (4, 2, "shift")])
def test_words(ports, unread, burst, gaps, late):
    dut, engine = make(ports, unread, burst)
    check(dut, engine, draw_words(engine), gaps=gaps, late=late)


@pytest.mark.parametrize("ports", [1, 2, 4])
def test_a_digit_a_cycle(ports):
    """A word takes as long as its busiest port: a cycle a digit, and a burst of level 0 one."""
    dut, engine = make(ports, unread=4)
    words = draw_words(engine)
    # Two cycles to release what is read: longer words, so that none waits.
    words = [[[5, 5, *levels] for levels in word] for word in words]
    _, _, ends = run(dut, engine, words)
    lengths = [max(sum(max(1, len(digits(level))) for level in levels) for levels in word)
               for word in words]
    assert [after - end for end, after in zip(ends, ends[1:], strict=False)] == lengths[1:]


@pytest.mark.parametrize("unread", [1, 2, 4])
def test_a_word_ends_only_with_a_register_for_its_sums(unread):
    dut, engine = make(2, unread)
    ended = [0]

    def source(port):
        async def put(ctx):
            for _ in range(9):
                await stream_put(ctx, getattr(dut, f"i_{port}"), {"level": 1, "end": 1})
        return put

    async def count(ctx):
        async for _, _, end in ctx.tick().sample(dut.o.end):
            ended[0] += end

    async def release(ctx):
        for released in range(9 - unread):
            await wait(ctx, 20)
            assert ended[0] == unread + released
            ctx.set(dut.release, 1)
            await ctx.tick()
            ctx.set(dut.release, 0)
        await wait(ctx, 20)
        assert ended[0] == 9

    simulate_component(dut, source(0), source(1), release, background=[count])


def test_sums_released_that_were_never_complete():
    dut, _ = make(1)

    async def release(ctx):
        ctx.set(dut.release, 1)
        await wait(ctx, 3)

    with pytest.raises(AssertionError, match="sums released that were never complete$"):
        simulate_component(dut, release)


@pytest.mark.parametrize("old, new", [
    ("all_end & (unread != self.unread)", "all_end"),
    ("digit.valid & ~done[port] & Mux(all_end, end, 1)", "digit.valid & Mux(all_end, end, 1)"),
    ("all_end = (done | lasts).all()", "all_end = lasts.all()"),
    ("out.valid.eq(step & ~digit.p.none)", "out.valid.eq(step)"),
    ("m.d.sync += done.eq(0)", "pass"),
])
def test_a_broken_rule_is_found(old, new):
    dut, engine = make(2, unread=2, kind=mutant(DigitMerge, old, new))
    with pytest.raises(AssertionError):
        check(dut, engine, draw_words(engine), late=20, timeout=2_000)
