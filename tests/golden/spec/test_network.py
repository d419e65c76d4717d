import itertools
import json
from dataclasses import FrozenInstanceError, fields, replace

import pytest
import torch

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
)

HIDDEN = Neuron(leak=Decay((2,)), quantiser=Quantiser(n_max=7, theta=16), v_width=10,
                reset=Reset(gate=Decay((1, 3))))
READOUT = Neuron(quantiser=None, v_width=10)


def population(name="hidden", **changes):
    return Population(**{"name": name, "shape": (4,), "neuron": HIDDEN, "sum_width": 12} | changes)


def network(**changes):
    return Network(**{
        "timesteps": 3, "input": Input(shape=(2, 3), n_max=5),
        "populations": [population(), population("out", shape=(2,), neuron=READOUT, bias_width=4)],
        "synapses": [Dense(source="input", target="hidden", w_width=5),
                     Dense(source="hidden", target="out")]} | changes)


# Decay.

DECAYS = [decay for decay in (
    Decay(), *(Decay((k,)) for k in range(8)), *(Decay((j, k)) for j, k in
                                                 itertools.product(range(1, 6), repeat=2)),
    *(Decay((j,), (k,)) for j in range(5) for k in range(j, 7)),
    Decay((1, 2, 3)), Decay((1, 1), (2,)), Decay((0, 2), (2, 3)))]


@pytest.mark.parametrize("decay", DECAYS, ids=str)
def test_decay_bound_holds_everywhere(decay):
    reached = 0
    for x in range(300):
        reached = max(reached, abs(decay.apply(x)), abs(decay.apply(-x)))
        assert reached <= decay.bound(x) <= reached + 2 * len(decay.subtract + decay.add) + 1


@pytest.mark.parametrize("shift", range(8))
def test_decay_bound_of_one_shift_is_reached(shift):
    for decay in (Decay((shift,)), Decay()):
        for magnitude in range(300):
            reached = max(abs(decay.apply(x)) for x in range(-magnitude, magnitude + 1))
            assert decay.bound(magnitude) == reached


@pytest.mark.parametrize("decay", DECAYS, ids=str)
def test_decay_apply_follows_the_real_factor(decay):
    for x in range(-300, 300):
        # Each shift rounds by less than one unit.
        assert abs(decay.apply(x) - decay.factor * x) < max(1, len(decay.subtract + decay.add))


def test_decay_rounds_towards_minus_infinity():
    assert [Decay((1,)).apply(x) for x in (-3, -1, 0, 1, 3)] == [-1, 0, 0, 1, 2]
    assert [Decay((2,)).apply(x) for x in (-1, 3, 4)] == [0, 3, 3]


def test_decay_of_a_tensor_is_that_of_its_integers():
    x = torch.arange(-100, 100, dtype=torch.int32)
    for decay in DECAYS:
        assert decay.apply(x).tolist() == [decay.apply(v) for v in x.tolist()]


@pytest.mark.parametrize("decay, factor", [
    (Decay(), 1), (Decay((0,)), 0), (Decay((3,)), 0.875), (Decay((1, 2)), 0.25),
    (Decay((0,), (2,)), 0.25), (Decay((1,), (3,)), 0.625)])
def test_decay_factor(decay, factor):
    assert decay.factor == factor


@pytest.mark.parametrize("factor, decay", [
    (1, Decay()), (0, Decay((0,))), (0.5, Decay((1,))), (0.96875, Decay((5,))),
    (0.25, Decay((1, 2))), (0.9, Decay((3,), (5,)))])
def test_nearest_exact_or_known(factor, decay):
    found = Decay.nearest(factor)
    assert abs(found.factor - factor) <= abs(decay.factor - factor)
    assert len(found.subtract + found.add) <= 2


def test_nearest_of_one_term_takes_one_shift():
    for factor in (k / 100 for k in range(101)):
        one, two = Decay.nearest(factor, terms=1), Decay.nearest(factor)
        assert len(one.subtract) <= 1 and not one.add
        assert abs(two.factor - factor) <= abs(one.factor - factor)


def test_nearest_of_two_terms_is_close_everywhere():
    assert max(abs(Decay.nearest(k / 1000).factor - k / 1000) for k in range(1001)) <= 0.0625


@pytest.mark.parametrize("factor", [-0.1, 1.01, float("nan")])
def test_nearest_out_of_range(factor):
    with pytest.raises(ValueError, match=rf"^Decay factor must be in 0\.\.1, not {factor}$"):
        Decay.nearest(factor)


# Validation: one line per rule.

WRONG_VALUE = {
    "shift_negative": (lambda: Decay((-1,)), r"Decay shift must be in 0\.\.15, not -1"),
    "shift_large": (lambda: Decay((), (16,)), r"Decay shift must be in 0\.\.15, not 16"),
    "factor_negative": (lambda: Decay((0, 1)), r"Decay factor must be in 0\.\.1, not -0\.5"),
    "factor_above_one": (lambda: Decay((), (3,)), r"Decay factor must be in 0\.\.1, not 1\.125"),
    "n_max_zero": (lambda: Quantiser(n_max=0, theta=1), r"N_max must be in 1\.\.20, not 0"),
    "n_max_large": (lambda: Quantiser(n_max=21, theta=1), r"N_max must be in 1\.\.20, not 21"),
    "theta_zero": (lambda: Quantiser(n_max=1, theta=0), r"Threshold must be in 1\.\.16777216"),
    "spacing_unknown": (lambda: Quantiser(n_max=1, theta=1, spacing="log"),
                        r"Spacing of levels must be one of uniform, powers, not 'log'"),
    "n_max_no_power": (lambda: Quantiser(n_max=6, theta=1, spacing="powers"),
                       r"N_max must be a power of two where levels are, not 6"),
    "output_unknown": (lambda: Neuron(quantiser=None, v_width=8, output="spike"),
                       r"Output must be one of level, binary, not 'spike'"),
    "quadratic_theta": (
        lambda: Neuron(leak=Quadratic(bits=5), v_width=9, quantiser=Quantiser(n_max=1, theta=33)),
        r"A quadratic leak of 5 bits needs a threshold of 32, not 33"),
    "quadratic_read_out": (lambda: Neuron(leak=Quadratic(bits=5), v_width=9, quantiser=None),
                           r"A quadratic leak of 5 bits needs a threshold of 32, not None"),
    "quadratic_bits": (lambda: Quadratic(bits=2), r"Quadratic bits must be in 3\.\.16, not 2"),
    "quadratic_gain": (lambda: Quadratic(gain=257), r"Quadratic gain must be in 0\.\.256, not 257"),
    "quadratic_low": (lambda: Quadratic(low=200), r"Quadratic low must be in -128\.\.127, not 200"),
    "theta_large": (lambda: Quantiser(n_max=1, theta=1 << 25), r"Threshold must be in 1\.\."),
    "theta_beyond_membrane": (
        lambda: Neuron(quantiser=Quantiser(n_max=1, theta=16), v_width=5),
        r"Threshold 16 does not fit a signed 5-bit membrane"),
    "v_width_one": (lambda: Neuron(quantiser=None, v_width=1),
                    r"Membrane width must be in 2\.\.30, not 1"),
    "v_width_large": (lambda: Neuron(quantiser=None, v_width=31),
                      r"Membrane width must be in 2\.\.30, not 31"),
    "reset_unknown": (lambda: Reset(kind="hard"),
                      r"Reset must be one of none, gate, gate-input, subtract, zero, not 'hard'"),
    "input_without_axes": (lambda: Input(shape=(), n_max=1),
                           r"Input shape must have at least one axis"),
    "input_empty": (lambda: Input(shape=(3, 0), n_max=1),
                    r"Input extent must be in 1\.\.1048576, not 0"),
    "input_n_max_large": (lambda: Input(shape=(3,), n_max=21),
                          r"Input N_max must be in 1\.\.20, not 21"),
    "population_named_input": (lambda: population("input"),
                               r"Population name must not be 'input'"),
    "population_without_axes": (lambda: population(shape=()),
                                r"Population hidden shape must have at least one axis"),
    "population_empty": (lambda: population(shape=(0,)),
                         r"Population hidden extent must be in 1\.\."),
    "sum_width_one": (lambda: population(sum_width=1), r"Sum width must be in 2\.\.30, not 1"),
    "sum_width_large": (lambda: population(sum_width=31), r"Sum width must be in 2\.\.30, not 31"),
    "bias_width_negative": (lambda: population(bias_width=-1),
                            r"Bias width must be in 0\.\.30, not -1"),
    "w_width_one": (lambda: Dense(source="a", target="b", w_width=1),
                    r"Weight width must be in 2\.\.16, not 1"),
    "w_width_large": (lambda: Dense(source="a", target="b", w_width=17),
                      r"Weight width must be in 2\.\.16, not 17"),
    "timesteps_zero": (lambda: network(timesteps=0), r"Timesteps must be in 1\.\.1024, not 0"),
    "timesteps_many": (lambda: network(timesteps=1025), r"Timesteps must be in 1\.\.1024"),
    "no_populations": (lambda: network(populations=[], synapses=[]),
                       r"Network must have at least one population"),
    "name_twice": (lambda: network(populations=[population("a"), population("a")]),
                   r"Population name 'a' is used twice"),
    "source_unknown": (
        lambda: network(synapses=[Dense(source="retina", target="hidden")]),
        r"Synapse retina->hidden names 'retina', which does not exist"),
    "target_unknown": (
        lambda: network(synapses=[Dense(source="input", target="motor")]),
        r"Synapse input->motor names 'motor', which does not exist"),
    "backwards": (lambda: network(synapses=[Dense(source="out", target="hidden")]),
                  r"Synapse out->hidden does not lead forward"),
    "onto_itself": (lambda: network(synapses=[Dense(source="hidden", target="hidden")]),
                    r"Synapse hidden->hidden does not lead forward"),
    "onto_the_input": (lambda: network(synapses=[Dense(source="hidden", target="input")]),
                       r"Synapse hidden->input does not lead forward"),
    "synapse_twice": (
        lambda: network(synapses=[*network().synapses, Dense(source="input", target="hidden")]),
        r"Synapse input->hidden is there twice"),
    "population_unreached": (
        lambda: network(synapses=[Dense(source="input", target="hidden")]),
        r"Population out has no synapses"),
    "hidden_without_quantiser": (
        lambda: network(populations=[population(neuron=READOUT),
                                     population("out", neuron=READOUT)]),
        r"Population hidden must have a quantiser: only the last is a read-out"),
    "last_that_fires": (
        lambda: network(populations=[population(), population("out")]),
        r"Population out must not fire: it is the last"),
}

WRONG_TYPE = {
    "shift_float": (lambda: Decay((1.0,)), r"Decay shift must be an integer, not 1\.0"),
    "shifts_no_tuple": (lambda: Decay(3), r"Decay shifts must be a tuple or a list, not 3"),
    "n_max_bool": (lambda: Quantiser(n_max=True, theta=1), r"N_max must be an integer, not True"),
    "theta_text": (lambda: Quantiser(n_max=1, theta="8"), r"Threshold must be an integer, not '8'"),
    "gate_number": (lambda: Reset(gate=0.5), r"Reset gate must be a Decay, not 0\.5"),
    "leak_number": (lambda: Neuron(leak=0.5, quantiser=None, v_width=8),
                    r"Leak must be a Decay or a Quadratic, not 0\.5"),
    "reset_text": (lambda: Neuron(reset="gate", quantiser=None, v_width=8),
                   r"Reset must be a Reset, not 'gate'"),
    "quantiser_number": (lambda: Neuron(quantiser=8, v_width=8),
                         r"Quantiser must be a Quantiser, not 8"),
    "v_width_float": (lambda: Neuron(quantiser=None, v_width=8.0),
                      r"Membrane width must be an integer, not 8\.0"),
    "input_shape_number": (lambda: Input(shape=784, n_max=1),
                           r"Input shape must be a tuple or a list, not 784"),
    "input_extent_float": (lambda: Input(shape=(28.0,), n_max=1),
                           r"Input extent must be an integer, not 28\.0"),
    "static_number": (lambda: Input(shape=(1,), n_max=1, static=1),
                      r"Input static must be a bool, not 1"),
    "name_number": (lambda: population(3), r"Population name must be a string, not 3"),
    "population_shape_number": (lambda: population(shape=4),
                                r"Population shape must be a tuple or a list, not 4"),
    "neuron_none": (lambda: population(neuron=None), r"Neuron must be a Neuron, not None"),
    "sum_width_none": (lambda: population(sum_width=None),
                       r"Sum width must be an integer, not None"),
    "source_number": (lambda: Dense(source=1, target="b"), r"Synapse source must be a str, not 1"),
    "target_none": (lambda: Dense(source="a", target=None),
                    r"Synapse target must be a str, not None"),
    "timesteps_float": (lambda: network(timesteps=2.0), r"Timesteps must be an integer, not 2\.0"),
    "input_tuple": (lambda: network(input=(28, 28)), r"Input must be a Input, not \(28, 28\)"),
    "populations_single": (lambda: network(populations=7),
                           r"Populations must be a tuple or a list, not 7"),
    "synapses_none": (lambda: network(synapses=None),
                      r"Synapses must be a tuple or a list, not None"),
    "population_name": (lambda: network(populations=["hidden"]),
                        r"Population must be a Population, not 'hidden'"),
    "synapse_name": (lambda: network(synapses=["input->hidden"]),
                     r"Synapse must be a Synapse, not 'input->hidden'"),
}


@pytest.mark.parametrize("case", WRONG_VALUE)
def test_wrong_value(case):
    make, reason = WRONG_VALUE[case]
    with pytest.raises(ValueError, match=f"^{reason}"):
        make()


@pytest.mark.parametrize("case", WRONG_TYPE)
def test_wrong_type(case):
    make, reason = WRONG_TYPE[case]
    with pytest.raises(TypeError, match=f"^{reason}$"):
        make()


@pytest.mark.parametrize("name", ["", "1st", "a b", "a-b", "a.b", "a[0]", "naïve", "x\n"])
def test_name_that_is_no_identifier(name):
    with pytest.raises(ValueError, match=r"^Population name must be an identifier \(a-z, 0-9, _\)"):
        population(name)


# What is derived.

@pytest.mark.parametrize("theta, shift", [(1, 0), (2, 1), (3, None), (64, 6), (96, None)])
def test_quantiser_shift(theta, shift):
    assert Quantiser(n_max=3, theta=theta).shift == shift


def test_membrane_range_is_that_of_two_complement():
    assert (HIDDEN.v_min, HIDDEN.v_max) == (-512, 511)
    assert HIDDEN.emit_max == 7 and READOUT.emit_max == 0
    binary = replace(HIDDEN, output="binary")
    assert binary.emit_max == 1 and binary.quantiser.n_max == 7


def test_threshold_may_be_the_largest_membrane():
    assert Neuron(quantiser=Quantiser(n_max=1, theta=15), v_width=5).v_max == 15


@pytest.mark.parametrize("leak, headroom", [(Decay(), None), (Decay((2,)), 2), (Decay((1, 3)), 1),
                                            (Decay((1,), (4,)), 0)])
def test_leak_headroom(leak, headroom):
    assert replace(HIDDEN, leak=leak).leak_headroom == headroom


def test_leak_headroom_of_a_read_out():
    assert replace(READOUT, leak=Decay((2,))).leak_headroom is None


def test_network_answers_about_its_parts():
    spec = network()
    assert spec.source("input") is spec.input and spec.source("out") is spec.populations[1]
    assert [s.name for s in spec.synapses_to("out")] == ["hidden->out"]
    assert [spec.weight_shape(s) for s in spec.synapses] == [(4, 6), (2, 4)]
    assert spec.input.size == 6 and spec.populations[1].emit_max == 0


def test_residual_edge_is_part_of_the_graph():
    skip = Dense(source="input", target="out")
    spec = network(synapses=[*network().synapses, skip])
    assert spec.synapses_to("out")[1] is skip


def test_specs_are_frozen():
    with pytest.raises(FrozenInstanceError):
        network().timesteps = 4


# Dictionaries and the digest.

def test_dictionary_and_back():
    for spec in (network(), network(input=Input(shape=(9,), n_max=1, static=False))):
        assert Network.from_dict(spec.to_dict()) == spec
        assert Network.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


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
    yield with_neuron(reset=replace(neuron.reset, kind="subtract"))
    yield with_neuron(reset=replace(neuron.reset, gate=Decay((3, 1))))
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
            (Network, Input, Population, Neuron, Decay, Quadratic, Quantiser, Reset, Dense)] == [
        ["timesteps", "input", "populations", "synapses"], ["shape", "n_max", "static"],
        ["name", "shape", "neuron", "sum_width", "bias_width"],
        ["leak", "quantiser", "reset", "output", "v_width"], ["subtract", "add"],
        ["gain", "low", "high", "bits"], ["n_max", "theta", "spacing"],
        ["kind", "gate"], ["source", "target", "w_width"]]
