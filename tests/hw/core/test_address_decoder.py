import numpy as np
import pytest
from scatter_cases import CASES, fan_out, scatter_of

from qblif.golden.spec import Dense
from qblif.hw.core.address_decoder import AddressDecoder
from qblif.hw.layout.addressing import addresses
from qblif.hw.layout.scatter import ScatterMap
from qblif.sim.stream import run_stream

STALLS = [{}, {"i_stall": 2, "o_stall": 3}, {"o_stall": 4}]  # `o.ready` must not wait for valid.


@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("case", CASES)
def test_every_address(case, stalls):
    scatter = scatter_of(*case)
    dut = AddressDecoder(scatter, case[0], 3)
    assert scatter.needs_tables
    inputs, expected = [], []
    for neuron, address in enumerate(addresses(case[0]).tolist()):
        inputs.append({"address": address, "level": 1 + neuron % 3, "end": 0})
        base = fan_out(scatter, *np.unravel_index(neuron, case[0]))
        expected += [(base, 1 + neuron % 3)] if base else []
        if neuron % 3 == 0:  # An EOT marker, with garbage.
            inputs.append({"address": address, "level": neuron % 4, "end": 1})
            expected.append("end")
    inputs.append({"address": 0, "level": 0, "end": 1})
    expected.append("end")
    found = run_stream(dut, inputs, len(expected), **stalls)
    assert ["end" if o.end else ({k: o.base[k] for k in ("weight", "word", "rows", "columns")},
                                 o.level) for o in found] == expected


def test_dense_passes_through():
    scatter = ScatterMap(Dense(source="a", target="b").as_conv((5,)), (5, 1, 1), (4, 1, 1), 2)
    inputs = [{"address": k, "level": 1 + k % 3, "end": k == 4} for k in range(5)]
    found = run_stream(AddressDecoder(scatter, (5,), 3), inputs, 5, timeout=7)
    assert [(o.base.weight, o.base.word, o.level, o.end) for o in found] == [
        (k, 0, 1 + k % 3, k == 4) for k in range(5)]


def test_an_event_a_cycle():
    scatter = scatter_of(*CASES[0])
    inputs = [{"address": int(a), "level": 1, "end": 0} for a in addresses((2, 3, 4))]
    # One cycle of latency, the first and the last tick.
    run_stream(AddressDecoder(scatter, (2, 3, 4), 3), inputs, 24, timeout=24 + 3)
