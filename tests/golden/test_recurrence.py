"""Recurrent synapses in the integer model: by hand, and against a loop over neurons."""

import numpy as np
import pytest

from qblif.golden import integer
from qblif.golden.activity import activity
from qblif.golden.spec import Dense, Input, Network, Neuron, Population, Quantiser, Reset
from qblif.golden.spec.artifact import Trained
from qblif.golden.spec.recurrence import loops
from qblif.golden.study.analysis import take_census
from qblif.golden.study.energy import synapse_costs


def population(name, size, theta=4, **axes):
    quantiser = Quantiser(n_max=3, theta=theta) if theta else None
    return Population(name=name, shape=(size,), sum_width=20, neuron=Neuron(
        quantiser=quantiser, reset=Reset(kind="subtract" if theta else "none"), v_width=20, **axes))


def network(edges, sizes, timesteps=4, inputs=2):
    """Populations ``a``, ``b``... and the read-out ``out``; edges as ``"ab"``, ``i`` the input."""
    names = {"i": "input", "o": "out"} | {c: c for c in sizes}
    rng = np.random.default_rng(3)
    populations = [population(c, size) for c, size in sizes.items()] + [population("out", 2, 0)]
    synapses = [Dense(source=names[a], target=names[b]) for a, b in edges]
    spec = Network(timesteps=timesteps, input=Input(shape=(inputs,), n_max=3, static=False),
                   populations=populations, synapses=synapses)
    return Trained(spec, {s.name: rng.integers(-6, 7, spec.weight_shape(s)).astype(np.int32)
                          for s in synapses}, {})


def reference(trained, frame):
    """Levels by population, ``(timesteps, neurons)``, one neuron after another."""
    spec, w = trained.spec, trained.weights
    order = ["input", *(p.name for p in spec.populations)]
    levels = {p.name: np.zeros((spec.timesteps + 1, p.size), int) for p in spec.populations}
    v = {p.name: np.zeros(p.size, int) for p in spec.populations}
    for t in range(spec.timesteps):
        for p in spec.populations:
            for n in range(p.size):
                for s in spec.synapses_to(p.name):
                    late = order.index(s.source) >= order.index(p.name)
                    sent = (frame[t] if s.source == "input" else
                            levels[s.source][t - 1 if late else t])  # Row -1 holds zeros.
                    v[p.name][n] += sum(int(a) * int(b) for a, b in zip(w[s.name][n], sent,
                                                                        strict=True))
            if p.neuron.quantiser:
                levels[p.name][t] = np.clip(v[p.name] // 4, 0, 3)
                v[p.name] -= 4 * levels[p.name][t]
    return {name: found[:-1] for name, found in levels.items()}


@pytest.mark.parametrize("edges, sizes", [
    ("ia aa ao", {"a": 5}), ("ia ab ba bo", {"a": 3, "b": 4}),
    ("ia ab bc ca bb co", {"a": 3, "b": 2, "c": 4}), ("ia ib ba ab bo ao", {"a": 3, "b": 3}),
    ("ia ib ac bc ca co", {"a": 3, "b": 2, "c": 4})])  # b stands between, but is in no loop.
def test_every_level_as_neuron_by_neuron(edges, sizes):
    trained = network(edges.split(), sizes)
    frames = np.random.default_rng(0).integers(0, 4, (6, 4, 2))
    trace = integer.run(trained, frames)
    for k, frame in enumerate(frames):
        for name, wanted in reference(trained, frame).items():
            assert trace.levels[name][:, k].tolist() == wanted.tolist(), name
    assert trace.levels["a"].any()


def test_groups_are_the_loops():
    def groups(edges, sizes):
        return [[p.name for p in group] for group in network(edges.split(), sizes).spec.groups]

    assert groups("ia ab bo", {"a": 1, "b": 1}) == [["a"], ["b"], ["out"]]
    assert groups("ia aa ab bo", {"a": 1, "b": 1}) == [["a"], ["b"], ["out"]]
    assert groups("ia ib ac bc ca co", {"a": 1, "b": 1, "c": 1}) == [["b"], ["a", "c"], ["out"]]
    spec = network("ia aa ab bo".split(), {"a": 1, "b": 1}).spec
    assert [s.name for s in spec.synapses if spec.in_loop(s)] == ["a->a"]
    assert [s.name for s in spec.forward_to("a")] == ["input->a"]
    assert list(loops({"x": ["x"], "y": ["in"]})) == [{"x"}, {"y"}]


def test_a_population_that_only_leads_back_is_read():
    trained = network("ia ab ba ao".split(), {"a": 2, "b": 2})
    assert trained.spec.depth == {"input": 0, "a": 1, "b": 2, "out": 2}
    with pytest.raises(ValueError, match="Population b leads nowhere"):
        network("ia ab bb ao".split(), {"a": 2, "b": 2})


def test_one_timestep_brings_nothing_back():
    trained = network("ia aa ao".split(), {"a": 3}, timesteps=1)
    forward = network("ia ao".split(), {"a": 3}, timesteps=1)
    forward.weights.update({k: trained.weights[k] for k in forward.weights})
    frames = np.full((1, 1, 2), 3)
    assert integer.run(trained, frames).levels["a"].tolist() == integer.run(
        forward, frames).levels["a"].tolist()
    assert trained.spec.digest != forward.spec.digest


def test_what_comes_after_the_last_timestep_is_not_counted():
    trained = network("ia aa ao".split(), {"a": 5})
    frames = np.random.default_rng(1).integers(0, 4, (7, 4, 2))
    levels = integer.run(trained, frames).levels["a"].numpy()
    found = activity(trained.spec, {"input": frames.swapaxes(0, 1), "a": levels})
    assert found["a->a"]["events"] == (levels[:-1] > 0).sum() / 7
    assert found["a->out"]["events"] == (levels > 0).sum() / 7
    back, out = (next(c for c in synapse_costs(trained.spec, take_census(trained, frames))
                      if c.name == name) for name in ("a->a", "a->out"))
    assert (back.events, out.events) == ((levels[:-1] > 0).sum(), (levels > 0).sum())
    assert back.macs == 7 * 3 * 25


def test_a_file_brings_it_back(tmp_path):
    trained = network("ia aa ao".split(), {"a": 3})
    trained.save(tmp_path / "net.safetensors")
    from qblif.golden.spec.artifact import load
    assert load(tmp_path / "net.safetensors").spec == trained.spec
