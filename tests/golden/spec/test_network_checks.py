"""What a network description refuses: one line per rule."""

import pytest
from network_cases import READOUT, network, population

from qblif.golden.spec import Conv2d, Decay, Dense, Input, Neuron, Quadratic, Quantiser, Reset

WRONG_VALUE = {
    "shift_negative": (lambda: Decay((-1,)), r"Decay shift must be in 0\.\.15, not -1"),
    "shift_large": (lambda: Decay((), (16,)), r"Decay shift must be in 0\.\.15, not 16"),
    "factor_negative": (lambda: Decay((0, 1)), r"Decay factor must be in 0\.\.1, not -0\.5"),
    "factor_above_one": (lambda: Decay((), (3,)), r"Decay factor must be in 0\.\.1, not 1\.125"),
    "n_max_zero": (lambda: Quantiser(n_max=0, theta=1), r"N_max must be in 1\.\.63, not 0"),
    "n_max_large": (lambda: Quantiser(n_max=64, theta=1), r"N_max must be in 1\.\.63, not 64"),
    "theta_zero": (lambda: Quantiser(n_max=1, theta=0), r"Threshold must be in 1\.\.16777216"),
    "spacing_unknown": (lambda: Quantiser(n_max=1, theta=1, spacing="log"),
                        r"Spacing of levels must be one of uniform, powers, not 'log'"),
    "rounding_unknown": (lambda: Quantiser(n_max=1, theta=1, rounding="up"),
                         r"Rounding to levels must be one of down, nearest, not 'up'"),
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
    "floor_of_the_nearest": (
        lambda: Neuron(quantiser=Quantiser(n_max=1, theta=8, rounding="nearest"), v_width=6,
                       floor=-3),
        r"Membrane floor must be at most -4 where levels are the nearest, .* not -3"),
    "v_width_one": (lambda: Neuron(quantiser=None, v_width=1),
                    r"Membrane width must be in 2\.\.30, not 1"),
    "v_width_large": (lambda: Neuron(quantiser=None, v_width=31),
                      r"Membrane width must be in 2\.\.30, not 31"),
    "reset_unknown": (lambda: Reset(kind="hard"),
                      (r"Reset must be one of none, gate, gate-input, subtract, late, held, zero, "
                      r"not 'hard'")),
    "reset_value_alone": (lambda: Reset(value=3),
                          r"A reset value of 3 needs the reset zero, not gate"),
    "reset_value_large": (lambda: Neuron(quantiser=None, v_width=4,
                                         reset=Reset(kind="zero", value=8)),
                          r"Reset value must be in -8\.\.7, as the membrane, not 8"),
    "floor_high": (lambda: Neuron(quantiser=None, v_width=4, floor=1),
                   r"Membrane floor must be in -8\.\.0, not 1"),
    "floor_low": (lambda: Neuron(quantiser=None, v_width=4, floor=-9),
                  r"Membrane floor must be in -8\.\.0, not -9"),
    "input_without_axes": (lambda: Input(shape=(), n_max=1),
                           r"Input shape must have at least one axis"),
    "input_empty": (lambda: Input(shape=(3, 0), n_max=1),
                    r"Input extent must be in 1\.\.1048576, not 0"),
    "input_n_max_large": (lambda: Input(shape=(3,), n_max=64),
                          r"Input N_max must be in 1\.\.63, not 64"),
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
    "from_the_readout": (
        lambda: network(synapses=[*network().synapses, Dense(source="out", target="hidden")]),
        r"Synapse out->hidden leads from the read-out, which does not fire"),
    "only_onto_itself": (lambda: network(synapses=[Dense(source="hidden", target="hidden")]),
                         r"Population hidden has no synapses that lead forward"),
    "recurrent_convolution": (
        lambda: network(synapses=[*network().synapses, Conv2d(source="hidden", target="hidden",
                                                              kernel=1)]),
        r"Synapse hidden->hidden does not lead forward: it must be dense, between populations w"),
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
        r"Population hidden must have a quantiser: only the last may be a read-out"),
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
