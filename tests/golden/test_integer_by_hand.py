"""The integer model on a read-out alone, worked out by hand, and input it refuses."""

import numpy as np
import pytest
import torch

from qblif.golden import integer
from qblif.golden.integer import argmax
from qblif.golden.spec import Decay, Dense, Input, Network, Neuron, Population
from qblif.golden.spec.artifact import Trained


def chain(weights, *, n_max=20, timesteps=2, static=True, v_width=12, **fields):
    """A read-out alone, with the given weights."""
    weights = np.array(weights, np.int32)
    out = Population(name="out", shape=(len(weights),), sum_width=30,
                     neuron=Neuron(quantiser=None, v_width=v_width, **fields))
    spec = Network(timesteps=timesteps, input=Input(shape=(weights.shape[1],), n_max=n_max,
                                                    static=static),
                   populations=[out], synapses=[Dense(source="input", target="out", w_width=16)])
    return Trained(spec, {"input->out": weights})


def test_read_out_by_hand():
    trace = integer.run(chain([[2, -1], [0, 3]], leak=Decay((1,))), [[5, 3], [0, 1]])
    assert trace.membranes["out"].tolist() == [[[7, 9], [-1, 3]], [[11, 14], [-1, 5]]]
    assert trace.classes.tolist() == [1, 1] and not bool(trace.levels["out"].any())


def test_membrane_saturates_once_and_stays():
    trace = integer.run(chain([[60], [-60]], timesteps=3, v_width=8), [[2]])
    assert trace.membranes["out"][:, 0].tolist() == [[120, -120], [127, -128], [127, -128]]


def test_timesteps_have_their_own_frames():
    trace = integer.run(chain([[1, 10]], static=False), [[[1, 0], [0, 2]]])
    assert trace.membranes["out"].flatten().tolist() == [1, 21]


def test_empty_frame_is_class_zero():
    assert integer.run(chain([[1], [2], [3]]), [[0]]).classes.tolist() == [0]


def test_tie_goes_to_the_lowest_index():
    trace = integer.run(chain([[1], [4], [4], [4]]), [[1], [3]])
    assert trace.classes.tolist() == [1, 1]


@pytest.mark.parametrize("row, label", [
    ([0, 0], 0), ([-1, -1, -2], 0), ([5, 7, 7], 1), ([-8, -9, -8], 0), ([1], 0), ([1, 2, 3, 3], 2)])
def test_argmax(row, label):
    assert argmax(torch.tensor([row])).tolist() == [label]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.int64])
def test_any_integer_type_of_levels(dtype):
    trace = integer.run(chain([[300, -1]]), np.array([[20, 7]], dtype))
    assert trace.membranes["out"].flatten().tolist() == [2047, 2047]
    trace = integer.run(chain([[100, -1]], timesteps=1), np.array([[20, 7]], dtype))
    assert trace.membranes["out"].flatten().tolist() == [1993]


# It must notice.

def test_every_changed_weight_changes_the_trace():
    weights = [[3, -5, 7], [0, 1, -2]]
    before = integer.run(chain(weights), [[1, 2, 3]])
    for row in range(2):
        for column in range(3):
            other = [list(r) for r in weights]
            other[row][column] += 1
            after = integer.run(chain(other), [[1, 2, 3]])
            assert not torch.equal(before.membranes["out"], after.membranes["out"])


# Input that is refused.

@pytest.mark.parametrize("shape", [(5,), (5, 2), (5, 4), (5, 3, 1), (5, 2, 3)])
def test_wrong_shape_of_static_frames(shape):
    with pytest.raises(ValueError, match=r"^Input frames must have shape \(3,\), not \("):
        integer.run(chain([[1, 2, 3]]), np.zeros(shape, int))


@pytest.mark.parametrize("shape", [(5, 3), (5, 1, 3), (5, 3, 2), (2, 3)])
def test_wrong_shape_of_timed_frames(shape):
    with pytest.raises(ValueError, match=r"^Input frames must have shape \(2, 3\), not \("):
        integer.run(chain([[1, 2, 3]], static=False), np.zeros(shape, int))


@pytest.mark.parametrize("level", [-1, 6, 255])
def test_level_out_of_range(level):
    with pytest.raises(ValueError, match=r"^Input levels must be in 0\.\.5, not "):
        integer.run(chain([[1, 2]], n_max=5), [[0, level]])


def test_levels_that_are_no_integers():
    with pytest.raises(TypeError, match=r"^Input levels must be integers, not torch.float64$"):
        integer.run(chain([[1, 2]]), np.array([[0.5, 1.0]]))


def test_no_frames():
    trace = integer.run(chain([[1, 2]]), np.zeros((0, 2), int))
    assert trace.classes.shape == (0,) and trace.membranes["out"].shape == (2, 0, 1)
