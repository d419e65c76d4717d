"""A network of a few neurons and its virtual board, and the table of injected faults."""

import contextlib
import fcntl
import gc
import os
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from needs import needs
from no_skip import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401
from random_cases import base_seed
from work_units import (  # noqa: F401
    pytest_collection_modifyitems,
    pytest_xdist_make_scheduler,
)

from qblif.golden.spec import (
    Conv2d,
    Decay,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Quantiser,
    Reset,
)
from qblif.golden.spec.artifact import Trained
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import Plan, StagePlan, make_plan

# Early in every process: matplotlib's extension module does not load behind some orders of
# other extension modules, and which tests share a process differs from run to run.
with contextlib.suppress(ImportError):
    import matplotlib.backends.backend_agg  # noqa: F401


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """The tensors here are small: threads that wait for each other only cost time."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="session")
def tiny():
    """A network of 12-10-3 neurons with its layout and frames, in which every part matters."""
    hidden = Neuron(leak=Decay((2,)), quantiser=Quantiser(n_max=5, theta=32), v_width=12,
                    reset=Reset(gate=Decay((1,))))
    out = Neuron(leak=Decay((1,)), quantiser=None, v_width=12)
    spec = Network(
        timesteps=3, input=Input(shape=(12,), n_max=5),
        populations=[Population(name="hidden", shape=(10,), neuron=hidden, sum_width=14),
                     Population(name="out", shape=(3,), neuron=out, sum_width=14, bias_width=4)],
        synapses=[Dense(source="input", target="hidden"), Dense(source="hidden", target="out")])
    draw = np.random.default_rng(0)
    trained = Trained(
        spec,
        {"input->hidden": draw.integers(-30, 60, (10, 12)).astype(np.int32),
         "hidden->out": draw.integers(-80, 80, (3, 10)).astype(np.int32)},
        {"out": np.array([1, -3, 5], np.int32)})
    frames = draw.integers(0, 6, (30, 12)) * (draw.random((30, 12)) < 0.5)
    frames[4] = 0
    return trained, compile(spec, make_plan(spec, lanes=4)), frames


@pytest.fixture(scope="session")
def light(tiny):
    """The tiny network with weights of few digits, and its frames: as logic it has few adders."""
    trained, _, frames = tiny
    hidden, out = trained.spec.populations
    quantiser = replace(hidden.neuron.quantiser, theta=8)
    hidden = replace(hidden, neuron=replace(hidden.neuron, quantiser=quantiser))
    weights = {name: values // 16 for name, values in trained.weights.items()}
    return Trained(replace(trained.spec, populations=[hidden, out]), weights,
                   trained.biases), frames


@pytest.fixture(scope="session")
def residual():
    """Three maps of 6x4x5 neurons, the last with an identity edge from the first; a read-out."""
    draw = np.random.default_rng(2)
    fires = Neuron(quantiser=Quantiser(n_max=6, theta=128), leak=Decay((2,)), v_width=14)
    neurons = dict.fromkeys("abc", fires) | {"out": Neuron(quantiser=None, v_width=18)}
    synapses = [
        Conv2d(source="input", target="a", kernel=3, stride=2, padding=1),
        Conv2d(source="a", target="b", kernel=3, padding=1),
        Conv2d(source="b", target="c", kernel=(1, 3), padding=(0, 1), groups=2),
        Conv2d(source="a", target="c", kernel=1, groups=6),
        Conv2d(source="c", target="out", kernel=(2, 2), pool=2)]
    spec = Network(
        timesteps=2, input=Input(shape=(2, 8, 9), n_max=3), synapses=synapses, populations=[
            Population(name=name, shape=(5,) if name == "out" else (6, 4, 5), neuron=neuron,
                       sum_width=18, bias_width=6 if name == "b" else 0)
            for name, neuron in neurons.items()])
    trained = Trained(
        spec, {s.name: draw.integers(-50, 70, spec.weight_shape(s)).astype(np.int32)
               for s in synapses}, {"b": draw.integers(-20, 30, 6).astype(np.int32)})
    frames = draw.integers(0, 4, (8, 144)) * (draw.random((8, 144)) < 0.3)
    return trained, compile(spec, Plan(stages=(
        StagePlan(lanes=6, fire_lanes=2), StagePlan(lanes=3, ports=2, buffers=2),
        StagePlan(lanes=4, fire_lanes=2, slack=0), StagePlan(lanes=5)))), frames


@pytest.fixture(scope="session")
def second(tiny):
    """A network of the same shape as the tiny one with other weights."""
    trained, _, _ = tiny
    draw = np.random.default_rng(9)
    return Trained(trained.spec, {
        name: draw.integers(-40, 50, weights.shape).astype(np.int32)
        for name, weights in trained.weights.items()}, trained.biases)


@pytest.fixture(scope="session")
def user_cache(tmp_path_factory):
    """An XDG_CACHE_HOME of all processes of a test run together, so that equal simulations are
    built once, and the user's stays as it is."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "user-cache"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def cache(user_cache):
    """The folder of builds in it."""
    return user_cache / "qblif" / "sim"


@pytest.fixture
def icarus(user_cache, monkeypatch):
    """Icarus, for a command or a call that keeps its builds in the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(user_cache))
    return needs("icarus")


@pytest.fixture(scope="session")
def unplugged(tiny, user_cache, cache):
    """The tiny network's virtual board, built; ``with unplugged:`` plugs it in."""
    from qblif.sim.virtual_board import VirtualBoard
    needs("verilator")
    _, layout, _ = tiny
    with (user_cache / "lock").open("w") as lock:  # One process builds, the others wait.
        fcntl.flock(lock, fcntl.LOCK_EX)
        return VirtualBoard(layout, cache=cache)


@pytest.fixture
def tally(record_property):
    """``tally(kind, injected, right, error)`` adds a line to the table of faults."""
    return lambda *line: record_property("faults", line)


def pytest_collection_finish():
    """Ten thousand tests and all modules stay: no collection of garbage looks through them again,
    which takes a second each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 10, 10)


def pytest_report_header():
    return f"QBLIF_SEED={base_seed()} (of the random networks)"


def pytest_terminal_summary(terminalreporter):
    reports = [report for found in terminalreporter.stats.values() for report in found]
    show_faults(terminalreporter, reports)
    show_seconds(terminalreporter, reports)


def show_seconds(terminalreporter, reports):
    """The files that take longest, with the seconds of all processes."""
    seconds = Counter()
    for report in reports:
        if hasattr(report, "duration"):
            seconds[report.nodeid.partition("::")[0]] += report.duration
    long = [(file, value) for file, value in seconds.most_common(40) if value >= 10]
    if long:
        terminalreporter.section(f"{seconds.total():,.0f} s in files, of which the longest")
    for file, value in long:
        terminalreporter.line(f"{file:64}{value:8,.0f} s")


def show_faults(terminalreporter, reports):
    """The table of injected faults."""
    counts = Counter()
    for report in reports:
        for name, line in getattr(report, "user_properties", ()):
            if name == "faults" and report.when == "call":
                for kind in (line[0], "all"):
                    counts.update({(kind, k): int(n) for k, n in enumerate(line[1:])})
    kinds = sorted({kind for kind, _ in counts}, key=lambda kind: (kind == "all", kind))
    if kinds:
        terminalreporter.section("faults: injected, right answer, clear error")
    for kind in kinds:
        terminalreporter.line(f"{kind:56}" + "".join(f"{counts[kind, k]:8}" for k in range(3)))
