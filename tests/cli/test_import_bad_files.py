"""NIR files that cannot be used: one line, and nothing written."""

import io

import numpy as np
import pytest
from cli_cases import refusal, run
from import_cases import cut, import_, network

__all__ = ["network"]

h5py = pytest.importorskip("h5py", reason="NIR files need nir: pip install 'qblif[nir]'")


def hdf5(fill):
    """An HDF5 file's bytes."""
    def make_file(_):
        file = io.BytesIO()
        with h5py.File(file, "w") as group:
            fill(group)
        return file.getvalue()
    return make_file


def edited(change):
    """The network's file with ``change`` made to its nodes."""
    def edit(data):
        file = io.BytesIO(data)
        with h5py.File(file, "r+") as group:
            change(group["node/nodes"], group["node"])
        return file.getvalue()
    return edit


def replaced(where, value):
    def change(nodes, graph):
        del nodes[where]
        nodes[where] = value
    return edited(change)


def without(where):
    def change(nodes, graph):
        del nodes[where]
    return edited(change)


def with_edges(edges):
    def change(nodes, graph):
        del graph["edges"]
        graph["edges"] = np.array(edges, object if edges else "S1")
    return edited(change)


def oversized(nodes, graph):
    del nodes["0/weight"]
    nodes.create_dataset("0/weight", shape=(1 << 20, 1 << 20), chunks=(64, 64), dtype="f4")


def loop(nodes, graph):
    nodes["0/again"] = h5py.SoftLink("/node")


def itself(nodes, graph):
    del nodes["0"]
    nodes["0"] = graph  # A hard link: the graph is a node of its own.


def dangling(nodes, graph):
    del nodes["0/weight"]
    nodes["0/weight"] = h5py.ExternalLink("none.h5", "/weight")


def a_group(nodes, graph):
    del nodes["0/weight"]
    nodes.create_group("0/weight")


def two_inputs(nodes, graph):
    graph.copy("nodes/input", "nodes/more")


def loop_entered_twice(nodes, graph):
    graph.copy("nodes/0", "nodes/4")
    graph.copy("nodes/2", "nodes/5")
    with_edges_of(graph, [("input", "0"), ("0", "1"), ("1", "2"), ("2", "3"), ("3", "5"),
                          ("5", "1"), ("input", "4"), ("4", "3"), ("3", "output")])


def with_edges_of(graph, edges):
    del graph["edges"]
    graph["edges"] = edges if isinstance(edges, np.ndarray) else np.array(edges, object)


CHAIN = [("input", "0"), ("0", "1"), ("1", "2"), ("2", "3"), ("3", "output")]

DAMAGED_NIR = {
    "a node of its own": edited(itself), "a link to nowhere": edited(dangling),
    "a group for a weight": edited(a_group), "two inputs": edited(two_inputs),
    "a loop entered twice": edited(loop_entered_twice),
    "an edge twice": with_edges([*CHAIN, CHAIN[1]]),
    "the output leads back": with_edges([*CHAIN, ("output", "2")]),
    "an edge to the input": with_edges([*CHAIN, ("1", "input")]),
    "edges of three ends": with_edges([("input", "0", "1"), ("1", "2", "3")]),
    "edges of numbers": edited(lambda nodes, graph: with_edges_of(
        graph, np.zeros((3, 2)))),
    "input below zero": replaced("input/shape", np.array([-6])),
    "input of text": replaced("input/shape", "many"),
    "input of no size": replaced("input/shape", np.zeros(0, int)),
    "bias not a number": replaced("0/bias", np.full(5, np.nan, np.float32)),
    "a convolution without fields": replaced("0/type", "Conv2d"),
    "a reset to infinity": replaced("1/v_reset", np.full(5, np.inf, np.float32)),
    "r below zero": replaced("1/r", np.full(5, -1, np.float32)),
    "empty": lambda data: b"", "one byte": cut(1e-9), "an eighth": cut(1 / 8),
    "half": cut(1 / 2), "nine tenths": cut(0.9), "png": lambda data: b"\x89PNG" + data[:100],
    "text": lambda data: b"input -> output\n" * 100, "zeros": lambda data: bytes(len(data)),
    "no node": hdf5(lambda group: None),
    "node is a number": hdf5(lambda group: group.create_dataset("node", data=3)),
    "node is empty": hdf5(lambda group: group.create_group("node")),
    "oversized": edited(oversized), "loop": edited(loop),
    "no weight": without("0/weight"), "no type": without("1/type"), "no r": without("1/r"),
    "no threshold": without("1/v_threshold"), "no input": without("input"),
    "no output": without("output"), "no layer": without("2"),
    "unknown type": replaced("1/type", "Izhikevich"), "type of bytes": replaced("1/type", 7),
    "weight of text": replaced("0/weight", "many"), "weight of zero size": replaced(
        "0/weight", np.zeros((0, 6), np.float32)),
    "weight of one axis": replaced("0/weight", np.ones(6, np.float32)),
    "weight of three axes": replaced("0/weight", np.ones((5, 6, 1), np.float32)),
    "weight of another size": replaced("2/weight", np.ones((3, 4), np.float32)),
    "weight not finite": replaced("0/weight", np.full((5, 6), np.inf, np.float32)),
    "weight complex": replaced("0/weight", np.full((5, 6), 1j)),
    "huge weight": replaced("0/weight", np.full((5, 6), 1e30)),
    "bias of another size": replaced("0/bias", np.ones(4, np.float32)),
    "tau of zero": replaced("1/tau", np.zeros(5, np.float32)),
    "tau below zero": replaced("1/tau", np.full(5, -1, np.float32)),
    "tau not a number": replaced("1/tau", np.full(5, np.nan, np.float32)),
    "tau too short": replaced("1/tau", np.full(5, 1e-9, np.float32)),
    "r not finite": replaced("1/r", np.full(5, np.inf, np.float32)),
    "threshold below zero": replaced("1/v_threshold", np.full(5, -3, np.float32)),
    "threshold infinite": replaced("1/v_threshold", np.full(5, np.inf, np.float32)),
    "huge threshold": replaced("1/v_threshold", np.full(5, 1e30)),
    "v_leak away from v_reset": replaced("1/v_leak", np.full(5, 1, np.float32)),
    "no edges": with_edges([]), "an edge to nowhere": with_edges([("input", "9")]),
    "a cycle": with_edges([("input", "0"), ("0", "1"), ("1", "0"), ("3", "output")]),
    "edges of one end": with_edges(["input"]),
}


@pytest.mark.parametrize("case", DAMAGED_NIR)
def test_nir_file_that_cannot_be_used(case, network, tmp_path, out, capsys):
    original = network[0].read_bytes()
    path = tmp_path / "bad.nir"
    path.write_bytes(DAMAGED_NIR[case](original))
    assert path.read_bytes() != original
    sentence = refusal(capsys, *import_(path, network[1]), out=out)
    assert not out.exists() and len(sentence) < 600
    assert sentence.startswith((f"{path}: ", "Node "))


@pytest.mark.parametrize("seed", range(30))
def test_flipped_bytes_are_read_or_refused(seed, network, tmp_path, out, capsys):
    """Never a traceback, and what is written agrees with the recording."""
    draw = np.random.default_rng(seed)
    data = bytearray(network[0].read_bytes())
    used = [k for k, byte in enumerate(data) if byte]
    for place in draw.choice(used, 20):
        data[place] ^= 1 << int(draw.integers(8))
    path = tmp_path / "flipped.nir"
    path.write_bytes(data)
    code = run(*import_(path, network[1]), "--out", out)
    error = capsys.readouterr().err
    assert code in (0, 1, 2) and "bug" not in error and "Traceback" not in error
    assert out.exists() == (code == 0)


def test_a_recording_for_a_network(network, out, capsys):
    assert refusal(capsys, *import_(network[1], network[1]), out=out).startswith(
        f"{network[1]}: truncated, or not a NIR file (")
