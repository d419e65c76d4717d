"""Each framework's neuron, from the file that its exporter writes, against its own equations."""

import numpy as np
import pytest
from foreign_cases import make

from qblif.golden.foreign import nir_graph, record
from qblif.golden.foreign.check import import_network
from qblif.golden.foreign.readings import Asked
from qblif.golden.spec.errors import InvalidValue

nir = pytest.importorskip("nir", reason="NIR files need nir: pip install 'qblif[nir]'")

SNN = {"beta": 0.5, "threshold": 6.0, "reset": "zero", "delay": True}
JELLY = {"tau": 2.0, "threshold": 3.0, "hard": True, "decay_input": True}
NORSE = {"rate": 0.5, "threshold": 3.0, "subtract": True}
SINABS = {"alpha": 1.0, "norm": False, "threshold": 4.0, "most": np.inf, "subtract": True}
ROCK = {"alpha": 0.5, "threshold": 4.0, "most": np.inf}

EXACT = [
    *(("snntorch", SNN | {"beta": beta, "reset": reset, "delay": delay})
      for beta in (1.0, 0.5, 0.75, 0.875) for reset in ("zero", "none") for delay in (True, False)),
    *(("snntorch", SNN | {"beta": beta, "reset": "subtract", "delay": delay})
      for beta in (1.0, 0.5, 0.875) for delay in (True, False)),
    *(("spikingjelly", JELLY | {"tau": tau, "hard": hard, "decay_input": decays,
                                "threshold": 6 / tau if tau and decays else 6.0})
      for tau in (None, 2.0, 4.0) for hard in (True, False) for decays in (True, False)),
    ("spikingjelly", JELLY | {"decay_input": False, "threshold": 8.0, "rest": 2.0}),
    *(("norse", NORSE | {"rate": rate, "subtract": subtract, "threshold": 6 * (rate or 1)})
      for rate in (None, 0.5, 0.125) for subtract in (True, False)),
    *(("sinabs", SINABS | {"most": most, "subtract": subtract, "alpha": alpha, "norm": norm,
                           "threshold": 4.0 * (1 - alpha if norm else 1)})
      for most in (1, 2, np.inf) for subtract in (True, False)
      for alpha, norm in ((1.0, False), (0.5, False), (0.5, True))),
    *(("rockpool", ROCK | {"alpha": alpha, "most": most})
      for alpha in (0.5, 0.75) for most in (1, np.inf)),
]


def imported(network, folder, **asked):
    file, spikes = network.write(nir, folder)
    return import_network(nir_graph.read(file), network.framework, Asked(**asked), None,
                          record.load(spikes))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("framework, parameters", EXACT)
def test_every_spike_is_the_frameworks(framework, parameters, bias, tmp_path):
    network = make(framework, bias=bias, timesteps=5, **parameters)
    assert all(spikes.any() for spikes in network.spikes)
    found = imported(network, tmp_path)
    assert found.equal and [a.total for a in found.agreements] == [1000, 600]
    assert not found.converted.remarks


SYNAPTIC = [
    *(("snntorch", {"alpha": alpha, "beta": beta, "threshold": 9.0, "reset": reset, "delay": delay})
      for alpha, beta in ((0.5, 0.5), (0.75, 0.5), (0.5, 0.875))
      for reset in ("subtract", "zero", "none") for delay in (True, False)),
    *(("norse", {"rate": rate, "syn_rate": syn_rate, "threshold": 8 * rate})
      for rate, syn_rate in ((0.5, 0.5), (0.5, 0.25), (0.125, 0.5))),
    *(("rockpool", {"alpha": alpha, "syn": syn, "threshold": 4.0, "most": most})
      for alpha, syn in ((0.5, 0.5), (0.75, 0.5)) for most in (1, np.inf)),
]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("framework, parameters", SYNAPTIC)
def test_synaptic_currents(framework, parameters, bias, tmp_path):
    network = make(framework, bias=bias, timesteps=5, cuba=True, **parameters)
    assert all(spikes.any() for spikes in network.spikes)
    found = imported(network, tmp_path)
    assert found.equal and not found.converted.remarks
    assert "synaptic decay" in found.reading


@pytest.mark.parametrize("subtract", [True, False])
@pytest.mark.parametrize("alpha, norm", [(1.0, False), (0.5, False), (0.75, True)])
@pytest.mark.parametrize("floor, asked", [
    (None, {}), (-2.0, {"floor": -2.0}), (0.0, {"floor": 0.0})])
def test_floor_of_the_membrane(floor, asked, alpha, norm, subtract, tmp_path):
    """One of minus the threshold is found, any other is told."""
    threshold = 4.0 if alpha == 1 else 1.0
    floor = -threshold if floor is None else floor
    network = make("sinabs", low=-6, **SINABS | {
        "threshold": threshold, "floor": floor, "alpha": alpha, "norm": norm, "subtract": subtract})
    found = imported(network, tmp_path, **asked)
    assert found.equal and f"not below {floor:g}" in found.reading
    if not asked:
        assert all("not below" in other for other in found.others)
        spec = found.converted.trained.spec
        assert [p.neuron.floor is None for p in spec.populations] == [False, False]


@pytest.mark.parametrize("rate", [None, 0.5, 0.125])
@pytest.mark.parametrize("v_leak, v_reset", [(0.0, 0.5), (0.0, -3.0), (0.5, 0.0), (-1.0, 0.5),
                                             (1.0, 1.0)])
def test_reset_value_that_the_file_lacks(rate, v_leak, v_reset, tmp_path):
    """Norse writes where a membrane leaks to, and not what it is reset to."""
    network = make("norse", bias=True, timesteps=5, rate=rate, subtract=False, v_leak=v_leak,
                   v_reset=v_reset, threshold=max(v_leak, v_reset) + 4 * (rate or 1))
    assert all(spikes.any() for spikes in network.spikes)
    found = imported(network, tmp_path, v_reset=v_reset)
    assert found.equal and not found.converted.remarks
    if rate and v_reset:
        assert not imported(network, tmp_path, reset="zero", v_reset=0.0).equal


@pytest.mark.parametrize("name, asked, phrase", [
    ("sinabs", {}, "^Node 1 is a CubaLIF, which sinabs does not write$"),
    ("snntorch", {"dt": 1.0}, ("^Node 1 has a tau_syn of 0.0002 and a w_in of 2, which would be a "
                              "decay of -4999 and an input gain of 10000 a timestep")),
])
def test_synaptic_currents_that_a_framework_cannot_have(name, asked, phrase, tmp_path):
    network = make("snntorch", cuba=True, **SYNAPTIC[0][1])
    chain = nir_graph.read(network.write(nir, tmp_path)[0])
    with pytest.raises(InvalidValue, match=phrase):
        import_network(chain, name, Asked(**asked), 8)


def test_potentials_that_a_framework_cannot_have(tmp_path):
    file, _ = make("norse", **NORSE | {"v_leak": 1.0}).write(nir, tmp_path)
    chain = nir_graph.read(file)
    for name, asked, phrase in (
            ("norse", {"reset": "subtract"}, ("^Reset of norse must be one of zero where membranes "
                                             "rest at 0, not 'subtract'$")),
            ("sinabs", {}, "^Node 1 has a v_leak of 1; neurons of sinabs reset and leak to 0$"),
            ("spikingjelly", {}, ("^Node 1 has a v_reset of 0 and a v_leak of 1; neurons of "
                                 "spikingjelly reset and leak to one value$")),
            ("norse", {"floor": -1.0}, ("^A membrane floor is an option of Sinabs' neurons, which "
                                       "those of norse do not have$")),
            ("norse", {"floor": 1.0}, "^Membrane floor must be in -1000000000.0..0, not 1.0$"),
            ("norse", {"v_reset": float("nan")}, "^Reset value must be in .*, not nan$")):
        with pytest.raises(InvalidValue, match=phrase):
            import_network(chain, name, Asked(**asked), 8)


WRONG = [
    ("snntorch", SNN, {"reset": "none"}),
    ("spikingjelly", JELLY, {"reset": "subtract"}),
    ("spikingjelly", JELLY, {"dt": 5e-5}),
    ("norse", NORSE, {"reset": "zero"}),
    ("sinabs", SINABS, {"levels": 1}),
    ("sinabs", SINABS, {"reset": "zero"}),
    ("rockpool", ROCK, {"levels": 1}),
]


@pytest.mark.parametrize("framework, parameters, asked", WRONG)
def test_a_wrong_reading_is_found_different(framework, parameters, asked, tmp_path):
    found = imported(make(framework, **parameters), tmp_path, **asked)
    first = next(a.first for a in found.agreements if a.first)
    assert not found.equal and first[3] != first[4]


def test_strict_and_not_strict_are_told_apart(tmp_path):
    network = make("spikingjelly", **JELLY)
    file, spikes = network.write(nir, tmp_path)
    found = import_network(nir_graph.read(file), "snntorch", Asked(reset="zero"), None,
                           record.load(spikes))
    assert not found.equal


@pytest.mark.parametrize("layer, frame, timestep, neuron", [(0, 3, 2, 4), (1, 39, 7, 2)])
def test_one_wrong_spike_is_named(layer, frame, timestep, neuron, tmp_path):
    network = make("spikingjelly", **JELLY)
    spike = network.spikes[layer][timestep, frame, neuron]
    network.spikes[layer][timestep, frame, neuron] = 1 - spike
    found = imported(network, tmp_path)
    assert not found.equal and found.agreements[1 - layer].first is None
    assert found.agreements[layer].first == (frame, timestep, neuron, spike, 1 - spike)
    assert f"frame {frame}, timestep {timestep}, neuron {neuron}" in str(found.agreements[layer])


def test_one_wrong_weight_is_found(tmp_path):
    network = make("spikingjelly", **JELLY)
    network.weights[0][0, 0] += 3
    assert not imported(network, tmp_path).equal


def test_needs_one_reading_without_a_recording(tmp_path):
    file, _ = make("spikingjelly", **JELLY).write(nir, tmp_path)
    chain = nir_graph.read(file)
    with pytest.raises(InvalidValue, match="^A NIR file leaves open which neuron of spikingjelly"):
        import_network(chain, "spikingjelly", Asked(), 8)
    found = import_network(chain, "spikingjelly", Asked(reset="zero"), 8)
    assert found.agreements == () and found.converted.trained.spec.timesteps == 8


@pytest.mark.parametrize("beta", [0.9, 0.95])
def test_decay_that_is_no_sum_of_shifts(beta, tmp_path):
    """Every recorded spike is equal, but that is no proof of others."""
    found = imported(make("snntorch", **SNN | {"beta": beta}), tmp_path)
    assert found.equal and len(found.converted.remarks) == 2
    assert found.converted.remarks[0].startswith(f"1: the leak of {beta}, as 0.")
    with pytest.raises(InvalidValue, match="^Without a recording to check, only what is proven"):
        import_network(nir_graph.read(tmp_path / "net.nir"), "snntorch", Asked(reset="zero"), 8)


def test_long_recordings_state_the_error_of_the_leak(tmp_path):
    network = make("snntorch", timesteps=16, **SNN | {"beta": 0.875})
    found = imported(network, tmp_path)
    assert found.equal
    assert all("the leak of 0.875, as 0.875, rounds by at most" in remark
               for remark in found.converted.remarks)
    with pytest.raises(InvalidValue, match="^Without a recording to check, only what is proven"):
        import_network(nir_graph.read(tmp_path / "net.nir"), "snntorch", Asked(reset="zero"), 16)
