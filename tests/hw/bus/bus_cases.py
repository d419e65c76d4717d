"""Packets for a network on a bus, right and wrong ones, and what has to come of them."""

import numpy as np

from qblif.golden import integer
from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.hw.bus.registers import ERRORS
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.sim.bus_bench import packets

KINDS = ("right", "short", "long", "no-end", "no-last", "range", "level", "code", "twice", "swap")


def network(kind):
    """Four classes of ``"flat"`` static input, whose weights are loaded in words of two parts; of
    ``"steps"`` that bring three ends a frame; or of a ``"map"`` with codes to spare, whose
    timesteps are innermost."""
    fires = Neuron(quantiser=Quantiser(n_max=3, theta=16), v_width=14)
    shape, static = {"flat": ((12,), True), "steps": ((5,), False),
                     "map": ((3, 2, 3), False)}[kind]
    first = Conv2d(source="input", target="hidden", kernel=(2, 1), w_width=5) if kind == "map" \
        else Dense(source="input", target="hidden", w_width=12)
    spec = Network(
        timesteps=3, input=Input(shape=shape, n_max=5, static=static), synapses=[
            first, Dense(source="hidden", target="out", w_width=6)],
        populations=[
            Population(name="hidden", shape=(4, 1, 3) if kind == "map" else (7,), neuron=fires,
                       sum_width=13, bias_width=5),
            Population(name="out", shape=(4,), neuron=Neuron(quantiser=None, v_width=16),
                       sum_width=14)])
    draw = np.random.default_rng(len(kind))
    trained = Trained(
        spec, {s.name: draw.integers(-15, 16, spec.weight_shape(s)).astype(np.int32)
               for s in spec.synapses},
        {"hidden": draw.integers(-9, 12, spec.populations[0].channels).astype(np.int32)})
    lanes = 3 if kind == "flat" else 2  # Of 12 bits: 36 fill a block.
    return trained, compile(spec, Plan(stages=(StagePlan(lanes=(lanes,)), StagePlan(lanes=(1,)))))


def draw_frames(draw, spec, count):
    """Frames of levels, sparse to full, now and then empty."""
    shape = (count, spec.input.size) if spec.input.static else (
        count, spec.timesteps, spec.input.size)
    share = draw.choice([0, 0.2, 0.5, 1], (count, *[1] * (len(shape) - 1)), p=[.1, .4, .4, .1])
    return draw.integers(0, spec.input.n_max + 1, shape) * (draw.random(shape) < share)


def spoil(draw, layout, words, kind):
    """The words of a right packet as a packet of another ``kind``; it may still be a right one."""
    words, source = list(words), layout.input
    at = int(draw.integers(0, len(words)))
    events = [k for k, word in enumerate(words) if word >> 24]
    event = int(draw.choice(events)) if events else None
    if kind == "short":
        return words[:at + 1]
    if kind == "long":
        return words + words[:at + 1]
    if kind == "no-end":
        return [word for k, word in enumerate(words) if word >> 24 or k != at] or words
    if kind == "no-last":
        return words[:-1] or words
    extra = {"range": source.address_space + int(draw.integers(0, 1 << 23)) | 1 << 24,
             "level": int(draw.integers(source.source.n_max + 1, 256)) << 24,
             "code": 3 | 1 << 24}  # Of a map with three channels; else a neuron.
    if kind in extra:
        words.insert(at, extra[kind])
    if kind == "twice" and events:
        words.insert(event, words[event])
    if kind == "swap" and event:  # With what is in front of it, which may be an end.
        words[event], words[event - 1] = words[event - 1], words[event]
    return words


def draw_packets(draw, trained, layout, count, kinds=KINDS):
    """Every other packet is right, the others of any kind."""
    frames = draw_frames(draw, trained.spec, count)
    return [spoil(draw, layout, words, "right" if k % 2 else draw.choice(kinds))
             for k, words in enumerate(packets(layout, frames))]


def outcome(layout, words):
    """What a packet has to make of itself: the transfers to the network as ``(address, level)``,
    ``None`` for an end of a timestep, and the names of its errors."""
    source, found, errors = layout.input, [], set()
    neurons = set(source.by_address(_every(source)).nonzero()[2].tolist())
    ends = lowest = 0
    for k, word in enumerate(words):
        address, level, last = word & 0xFFFFFF, word >> 24, k == len(words) - 1
        if not level:
            found.append(None)
            ends, lowest = ends + 1, 0
        elif address not in neurons or level > source.source.n_max:
            errors.add("RANGE")
        elif address < lowest:
            errors.add("ORDER")
        else:
            found.append((address, level))
            lowest = address + 1
        if ends == source.ends:
            return found, errors | ({"LATE"} if not last else set())
    return found + [None] * (source.ends - ends), errors | {"EARLY"}


def transfer(words, k):
    """Transfer ``k`` of a packet, as the input takes it."""
    return {"address": words[k] & 0xFFFFFF, "level": words[k] >> 24, "last": k == len(words) - 1}


def classes(trained, layout, sent):
    """The result of each packet: the class of the frame that it is, or -1."""
    found, source = [], layout.input
    for words in sent:
        transfers, errors = outcome(layout, words)
        levels, end = np.zeros((source.ends, source.address_space), int), 0
        for transfer in transfers:
            if transfer is None:
                end += 1
            else:
                levels[end, transfer[0]] = transfer[1]
        frame = source.by_neuron(levels)
        found.append(-1 if errors else int(integer.run(trained, frame[None]).classes[0]))
    return found


def status_errors(names):
    """Of STATUS, or of the input's pulses."""
    return sum(1 << ERRORS.index(name) for name in names)


def _every(source):
    """A frame in which every neuron fires."""
    shape = (1, source.source.size)
    return np.ones(shape if source.source.static or source.ends == 1 and source.interleaved == 1
                   else (1, max(source.ends, source.interleaved), source.source.size), int)
