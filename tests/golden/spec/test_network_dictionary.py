"""Network descriptions as dictionaries, and their digest."""

import json
from dataclasses import fields, replace

import pytest
from network_cases import network

from qblif.golden.spec import (
    Decay,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Quadratic,
    Quantiser,
    Reset,
    Synaptic,
)


def test_dictionary_and_back():
    for spec in (network(), network(input=Input(shape=(9,), n_max=1, static=False)),
                 *changed(network())):
        assert Network.from_dict(spec.to_dict()) == spec
        assert Network.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_fields_that_older_files_lack():
    """A network without them has the dictionary, and so the digest, that it always had."""
    neuron = network().to_dict()["populations"][0]["neuron"]
    assert not {"floor", "synaptic"} & neuron.keys() and "value" not in neuron["reset"]


def parts(spec):
    """Every object of a description, with the way to it."""
    yield "Network", spec
    yield "Input", spec["input"]
    yield "Population", spec["populations"][0]
    yield "Neuron", spec["populations"][0]["neuron"]
    yield "Decay", spec["populations"][0]["neuron"]["leak"]
    yield "Quantiser", spec["populations"][0]["neuron"]["quantiser"]
    yield "Reset", spec["populations"][0]["neuron"]["reset"]
    yield "Decay", spec["populations"][0]["neuron"]["reset"]["gate"]
    yield "Dense", spec["synapses"][0]


@pytest.mark.parametrize("index", range(9))
def test_unknown_field(index):
    spec = network().to_dict()
    name, part = list(parts(spec))[index]
    part["colour"] = 1
    with pytest.raises(ValueError, match=f"^{name} has no field 'colour'$"):
        Network.from_dict(spec)


@pytest.mark.parametrize("index", range(9))
def test_missing_field(index):
    whole = network().to_dict()
    for field in list(parts(whole))[index][1]:
        spec = network().to_dict()
        name, part = list(parts(spec))[index]
        del part[field]
        expected = f"{name} lacks its field '{field}'"
        if (name, field) == ("Dense", "kind"):
            expected = "Synapse kind must be one of dense, conv2d, not None"
        if (name, field) == ("Decay", "kind"):
            expected = "Leak kind must be one of decay, quadratic, not None"
        with pytest.raises(ValueError, match=f"^{expected}$"):
            Network.from_dict(spec)


@pytest.mark.parametrize("wrong", [None, 3, "text", [1]])
@pytest.mark.parametrize("place, name", [
    ("input", "Input"), ("populations", "Population"), ("neuron", "Neuron"), ("leak", "Leak kind"),
    ("reset", "Reset"), ("synapses", "Synapse kind")])
def test_part_that_is_no_object(place, name, wrong):
    spec = network().to_dict()
    if place in ("populations", "synapses"):
        spec[place][0] = wrong
    else:
        neuron = spec["populations"][0]["neuron"]
        {"input": spec, "neuron": spec["populations"][0]}.get(place, neuron)[place] = wrong
    with pytest.raises(ValueError, match=f"^{name} must be "):
        Network.from_dict(spec)


@pytest.mark.parametrize("wrong", [{}, 0, False, [], ""])
def test_quantiser_that_is_empty_is_not_none(wrong):
    spec = network().to_dict()
    spec["populations"][1]["neuron"]["quantiser"] = wrong
    with pytest.raises(ValueError, match="^Quantiser "):
        Network.from_dict(spec)


@pytest.mark.parametrize("wrong", [None, 3, {}])
@pytest.mark.parametrize("field", ["populations", "synapses"])
def test_parts_that_are_no_list(field, wrong):
    with pytest.raises(TypeError, match=f"^{field.capitalize()} must be a tuple or a list, not "):
        Network.from_dict(network().to_dict() | {field: wrong})


def test_long_wrong_part_is_shortened():
    with pytest.raises(ValueError) as error:
        Network.from_dict(network().to_dict() | {"input": list(range(10_000))})
    assert len(str(error.value)) < 120


@pytest.mark.parametrize("kind", ["sparse", None, 3])
def test_synapse_of_unknown_kind(kind):
    spec = network().to_dict()
    spec["synapses"][0]["kind"] = kind
    with pytest.raises(ValueError, match="^Synapse kind must be one of dense, conv2d, "
                                         f"not {kind!r}$"):
        Network.from_dict(spec)


def changed(spec):
    """One network for each field of each part, that differs in this field alone."""
    first, last = spec.populations
    neuron = first.neuron

    def with_population(**fields):
        return replace(spec, populations=(replace(first, **fields), last))

    def with_neuron(**fields):
        return with_population(neuron=replace(neuron, **fields))

    yield replace(spec, timesteps=4)
    yield replace(spec, input=replace(spec.input, shape=(3, 2)))
    yield replace(spec, input=replace(spec.input, n_max=6))
    yield replace(spec, input=replace(spec.input, static=False))
    for steps in (), (9, 10), (9, 11):
        yield replace(spec, input=replace(spec.input, n_max=1, thresholds=steps))
    yield replace(spec, populations=(replace(first, name="other"), last), synapses=(
        replace(spec.synapses[0], target="other"), replace(spec.synapses[1], source="other")))
    yield with_population(shape=(2, 2))
    yield with_population(sum_width=13)
    yield with_population(bias_width=1)
    yield with_neuron(v_width=11)
    yield with_neuron(leak=Decay((3,)))
    yield with_neuron(leak=Decay((2,), (3,)))
    yield with_neuron(leak=Quadratic(bits=4))
    yield with_neuron(leak=Quadratic(bits=4, gain=3))
    yield with_neuron(leak=Quadratic(bits=4, low=3))
    yield with_neuron(leak=Quadratic(bits=4, high=3))
    yield with_neuron(leak=Quadratic(bits=5), quantiser=replace(neuron.quantiser, theta=32))
    yield with_neuron(output="binary")
    yield with_neuron(quantiser=replace(neuron.quantiser, n_max=8, spacing="powers"))
    yield with_neuron(quantiser=replace(neuron.quantiser, n_max=8))
    yield with_neuron(quantiser=replace(neuron.quantiser, theta=17))
    yield with_neuron(quantiser=replace(neuron.quantiser, rounding="nearest"))
    yield with_neuron(reset=replace(neuron.reset, kind="subtract"))
    yield with_neuron(reset=replace(neuron.reset, gate=Decay((3, 1))))
    yield with_neuron(reset=Reset(kind="zero", gate=neuron.reset.gate))
    yield with_neuron(reset=Reset(kind="zero", gate=neuron.reset.gate, value=2))
    yield replace(spec, populations=(replace(spec.populations[0], thetas=True),
                                     *spec.populations[1:]))
    yield with_neuron(floor=0)
    yield with_neuron(floor=-3)
    yield with_neuron(synaptic=Synaptic(decay=Decay((1,)), width=5))
    yield with_neuron(synaptic=Synaptic(decay=Decay((1,)), width=6))
    yield with_neuron(synaptic=Synaptic(decay=Decay((2,), (3,)), width=5))
    yield replace(spec, synapses=(replace(spec.synapses[0], w_width=6), spec.synapses[1]))
    yield replace(spec, synapses=(*spec.synapses, Dense(source="input", target="out")))
    yield replace(spec, synapses=spec.synapses[::-1])


def test_digest_changes_with_every_field():
    specs = [network(), *changed(network())]
    assert len({spec.digest for spec in specs}) == len(specs)
    assert all(len(spec.digest) == 16 and int(spec.digest, 16) >= 0 for spec in specs)


def test_digest_of_equal_networks():
    assert network().digest == network().digest
    assert network(input=Input(shape=[2, 3], n_max=5)).digest == network().digest


def test_digest_test_covers_every_field():
    # A new field must come into `changed` above.
    assert [[f.name for f in fields(c)] for c in
            (Network, Input, Population, Neuron, Decay, Quadratic, Quantiser, Reset, Synaptic,
             Dense)] == [
        ["timesteps", "input", "populations", "synapses"],
        ["shape", "n_max", "static", "thresholds"],
        ["name", "shape", "neuron", "sum_width", "bias_width", "thetas"],
        ["leak", "quantiser", "reset", "output", "v_width", "floor", "synaptic"],
        ["subtract", "add"],
        ["gain", "low", "high", "bits"], ["n_max", "theta", "spacing", "rounding"],
        ["kind", "gate", "value"], ["decay", "width"], ["source", "target", "w_width"]]
