"""NIR graphs of which it is not said what they mean, or that have no exact form."""

import numpy as np
import pytest
from graph_cases import neurons, nir

from qblif.golden.foreign import nir_graph
from qblif.golden.spec.errors import InvalidValue


def net_of(*edges, **sizes):
    nodes = {"input": nir.Input(np.array([3])), "output": nir.Output(np.array([3]))}
    nodes |= {name: neurons(size) for name, size in sizes.items()}
    made = []
    for k, (a, b) in enumerate(map(str.split, edges)):
        nodes[f"w{k}"] = nir.Linear(np.ones((sizes.get(b, 3), sizes.get(a, 3))))
        made += [(a, f"w{k}"), (f"w{k}", b)]
    return nodes, made


def test_a_loop_that_is_entered_at_two_places_is_refused():
    with pytest.raises(InvalidValue, match="^Graph has a cycle that is entered at more than one "
                       "place, (a to b to a|b to a to b): which of its edges brings the spikes"):
        nir_graph.build_graph(*net_of("input a", "input b", "a b", "b a", "b output", a=3, b=3))
    with pytest.raises(InvalidValue, match="^Graph has a cycle that is entered at more than one"):
        nir_graph.build_graph(*net_of("input a", "a b", "a c", "b c", "c b", "c output", a=3, b=3,
                                      c=3))


def test_biases_on_the_way_back_are_refused():
    nodes, edges = net_of("input a", "a b", "b a", "b output", a=3, b=3)
    nodes["w2"] = nir.Affine(np.ones((3, 3)), np.array([0.0, 0.0, 1.0]))
    with pytest.raises(InvalidValue, match="^Node w2 has biases on a way back from b to a, and "):
        nir_graph.build_graph(nodes, edges)


def test_maps_in_a_loop_are_refused():
    one = nir.Conv2d(input_shape=(3, 3), weight=np.ones((1, 1, 1, 1)), stride=1, padding=0,
                     dilation=1, groups=1, bias=np.zeros(1))
    nodes = {"input": nir.Input(np.array([1, 3, 3])), "0": one, "1": neurons(1, 3, 3), "2": one,
             "output": nir.Output(np.array([9]))}
    edges = [("input", "0"), ("0", "1"), ("1", "2"), ("2", "1"), ("1", "output")]
    with pytest.raises(InvalidValue, match="^Node 2 leads back in a loop, which only a Linear or "
                       "Affine between neurons without a map can$"):
        nir_graph.build_graph(nodes, edges)


@pytest.mark.parametrize("edges, sizes, phrase", [
    (["input a", "a b", "input b", "b output"], {"a": 3, "b": 2},
     "^Node b takes 4 from wide, but is 2$"),
])
def test_sums_of_other_sizes_are_refused(edges, sizes, phrase):
    nodes, made = net_of(*edges, **sizes)
    nodes["wide"] = nir.Linear(np.ones((4, 3)))
    with pytest.raises(InvalidValue, match=phrase):
        nir_graph.build_graph(nodes, [*made, ("a", "wide"), ("wide", "b")])


def test_two_geometries_between_the_same_neurons_are_refused():
    def conv(size, stride=1):
        return nir.Conv2d(input_shape=(3, 3), weight=np.ones((1, 1, size, size)), stride=stride,
                          padding=size // 2 * stride, dilation=1, groups=1, bias=np.zeros(1))
    nodes = {"input": nir.Input(np.array([1, 3, 3])), "0": conv(1), "1": conv(3, 2),
             "2": neurons(1, 3, 3), "output": nir.Output(np.array([9]))}
    edges = [("input", "0"), ("input", "1"), ("0", "2"), ("1", "2"), ("2", "output")]
    with pytest.raises(InvalidValue, match="^Node 2 takes the same spikes in two ways, which are"):
        nir_graph.build_graph(nodes, edges)
    nodes["1"] = conv(1)
    layer = nir_graph.build_graph(nodes, edges).layers[0]
    assert layer.connections[0].weight.item() == 2
    nodes["1"] = conv(3)
    layer = nir_graph.build_graph(nodes, edges).layers[0]
    np.testing.assert_array_equal(layer.connections[0].weight[0, 0],
                                  [[1, 1, 1], [1, 2, 1], [1, 1, 1]])


def test_too_many_ways_are_refused():
    """Forks that join again: seven in a row are 128 ways."""
    flat = nir.Flatten(np.array([3]), 0, -1)
    nodes, made = net_of("input a", "a output", a=3)
    edges, last = [edge for edge in made if edge[0] != "w1"], "w1"
    for k in range(7):
        nodes |= {f"{k}{name}": flat for name in "xyz"}
        edges += [(last, f"{k}x"), (last, f"{k}y"), (f"{k}x", f"{k}z"), (f"{k}y", f"{k}z")]
        last = f"{k}z"
    with pytest.raises(InvalidValue, match="^Node output has more than 64 ways that lead to it$"):
        nir_graph.build_graph(nodes, [*edges, (last, "output")])
