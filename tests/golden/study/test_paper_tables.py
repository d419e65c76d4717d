"""The energy protocol against the rows of the paper's Table 6 (arXiv:2604.25688)."""

import pytest

from qblif.golden.activity import fan_out
from qblif.golden.spec import Conv2d, Input, Network, Neuron, Population, Quantiser
from qblif.golden.study.energy import Energy

FLOPS = 3 * 9 * 64 * 32 * 32 * 2  # A 3x3 convolution of 64 channels on 32x32 pixels, T = 2.


def microjoules(sops, flops=3.54e6):
    return 1e6 * Energy(name="paper", flops=flops, sops=sops, signs=0).joules


def test_flops_are_the_first_convolution():
    assert round(FLOPS / 1e6, 2) == 3.54
    assert round(microjoules(0), 2) == 44.25


@pytest.mark.parametrize("n_max, sops, printed", [
    (2, 99.05e6, 51.88), (5, 128.61e6, 54.15), (10, 185.30e6, 58.52), (20, 303.79e6, 67.64)])
def test_flops_and_sops_alone_are_the_row(n_max, sops, printed):
    assert round(microjoules(sops), 2) == printed


def test_two_rows_that_are_not():
    """N_max 15: 62.37 is printed, but also that it is 3.94 more than the row before: 62.46.
    Binary: 50.14 is printed; the rest may be signs, 0.11 M of them."""
    assert round(microjoules(236.45e6), 2) == 62.46 == round(58.52 + 3.94, 2)
    assert round(microjoules(71.20e6), 2) == 49.73
    assert round((50.14 - 49.73) / 3.7, 2) == 0.11


def test_our_count_leaves_padding_out():
    fires = Neuron(quantiser=Quantiser(n_max=20, theta=16), v_width=16)
    spec = Network(timesteps=2, input=Input(shape=(3, 32, 32), n_max=20), populations=(
        Population(name="stem", shape=(64, 32, 32), neuron=fires, sum_width=14, bias_width=0),),
        synapses=(Conv2d(source="input", target="stem", kernel=(3, 3), padding=(1, 1)),))
    assert 2 * int(fan_out(spec, spec.synapses[0]).sum()) == 3 * 64 * 94**2 * 2 == 3_393_024
