import numpy as np
import pytest
from dense_cases import CASES, dense_of, first_weight, transfers

from qblif.golden.spec import as_map
from qblif.hw.core.address_decoder import AddressDecoder
from qblif.hw.layout.addressing import addresses
from qblif.sim.stream import run_stream

STALLS = [{}, {"i_stall": 2, "o_stall": 3}, {"o_stall": 4}]  # `o.ready` must not wait for valid.
N_MAX = 3


def run(case, levels, **options):
    """What leaves the decoder, and what must, for ``levels`` ``(frames, sets, neurons)``."""
    source, sets = case[0], levels.shape[1]
    dense = dense_of(*case)
    neuron = {address: n for n, address in enumerate(addresses(source).tolist())}
    inputs, expected, marker = [], [], 0
    ends = sets * as_map(source)[1] * as_map(source)[2]  # Markers of a frame.
    for frame in levels:
        for event in transfers(source, frame):
            inputs.append(event)
            if event["end"]:
                marker += 1
                expected += ["end"] if marker % ends == 0 else []
                continue
            place = np.unravel_index(neuron[event["address"]], as_map(source))
            weight = first_weight(dense, *place)
            if weight is not None:
                expected.append((weight, marker % sets, event["level"]))
    found = run_stream(AddressDecoder(dense, source, N_MAX, sets), inputs, len(expected), **options)
    return ["end" if o.end else (o.base.weight, o.base.set, o.level) for o in found], expected


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("sets", [1, 2, 3])
@pytest.mark.parametrize("case", CASES)
def test_every_address(case, sets, stalls):
    """Every address, and none; dropped events first and last in a frame, and between markers."""
    size = np.prod(case[0])
    levels = 1 + np.arange(4 * sets * size).reshape(4, sets, size) % N_MAX
    levels[1] = 0
    levels[3] *= np.random.default_rng(0).random((sets, size)) < 0.3
    found, expected = run(case, levels, **stalls)
    assert found == expected
    assert found.count("end") == 4


def test_steps_count_what_is_not_dropped():
    drops = []
    for dense in (dense_of(*case) for case in CASES):
        kept = [first_weight(dense, *place) is not None for place in np.ndindex(dense.source)]
        assert (dense.steps() // dense.words).tolist() == kept
        drops.append(not all(kept))
    assert drops == [False, False, True, False, True, False]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("sets", [1, 2])
def test_an_event_a_cycle(case, sets):
    """Also of those that are dropped, and of markers that end nothing."""
    size = int(np.prod(case[0]))
    levels = np.ones((2, sets, size), int)
    taken = sum(1 for frame in levels for _ in transfers(case[0], frame))
    dense = dense_of(*case)
    registered = dense.needs_tables or sets > 1
    # The latency, the first and the last tick.
    found, expected = run(case, levels, timeout=taken + registered + 2)
    assert found == expected
    with pytest.raises(AssertionError, match="^no end after"):
        run(case, levels, timeout=taken + registered)


def test_flat_passes_through():
    case = CASES[0]
    assert not dense_of(*case).needs_tables
    found, expected = run(case, np.ones((1, 1, 5), int), timeout=6 + 2)
    assert found == expected == [(k, 0, 1) for k in range(5)] + ["end"]


def test_a_sink_that_waits_for_valid():
    """A dropped event would wait for it for ever, as the docstring says."""
    dense = dense_of(*CASES[2])
    inputs = [{"address": 0, "level": 1, "end": 1}] * 3  # Of no timestep's end.
    inputs += [{"address": 0, "level": 1, "end": 0}]
    with pytest.raises(AssertionError, match="^no end after 200 cycles"):
        run_stream(AddressDecoder(dense, CASES[2][0], N_MAX), inputs, 1, ready_first=False,
                   timeout=200)
    assert run_stream(AddressDecoder(dense, CASES[2][0], N_MAX), inputs, 1)[0].base.weight == 0
