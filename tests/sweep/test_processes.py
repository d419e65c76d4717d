"""Sweeps as processes of their own: killed and resumed, two on one journal; and two workers of a
Dask cluster."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from itertools import product

import pytest
from sweep_cases import history, lanes_space, write_space

from qblif.cli.main import main
from qblif.sim import parts

PATIENCE = 600  # Seconds, on a machine that does much else.


def qblif(*arguments):
    """Exit code of the command in this process."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code or 0


@contextlib.contextmanager
def started(*arguments):
    """A sweep as a process, whatever becomes of it."""
    process = subprocess.Popen([sys.executable, "-m", "qblif", "sweep", *map(str, arguments)],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(what, process):
    """Wait until ``what()`` is true while the process lives."""
    limit = time.monotonic() + PATIENCE
    while not what():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < limit
        time.sleep(0.01)


def points_of(folder):
    return [tuple(point["parameters"].values())
            for point in json.loads((folder / "sweep.json").read_text())["points"]]


@pytest.fixture(scope="module")
def cluster(user_cache):
    """The address of a Dask cluster of two workers."""
    from distributed import LocalCluster
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(user_cache))
        with LocalCluster(n_workers=2, threads_per_worker=1,
                          dashboard_address="127.0.0.1:0") as made:
            yield made.scheduler_address


@pytest.fixture(scope="module")
def space(network, digits, tmp_path_factory):
    """Of 24 points, each of which takes long enough to be stopped at."""
    return write_space(tmp_path_factory.mktemp("space"), f"""
        network = "{network}"
        data = "{digits}"
        objectives = ["cycles", "luts"]
        [parameters]
        lanes = {list(range(1, 13))}
        burst = ["shift", "repeat"]
        """)


def stop(process, folder):
    """Stop the process where it holds no lock that others need."""
    while True:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        try:
            for name in ("sweep.lock", "sweep.write"):
                with (folder / name).open("r+b") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            process.send_signal(signal.SIGCONT)
            time.sleep(0.002)


def test_killed_and_resumed(space, tmp_path, cluster):
    out, where = tmp_path / "out", ("--dask", cluster)
    with started(space, "--out", out, *where) as process:
        wait_for(lambda: len(history(out)[0]) >= 3, process)
        stop(process, out)
        before, (first,) = history(out)
        assert 3 <= len(before) < 24 and len(history(out)[1][first]) > len(before)
        process.kill()
        process.wait()
    assert qblif("sweep", space, "--out", out, *where) == 0
    finished, owners = history(out)
    assert set(finished.values()) == {1} and len(finished) == 24
    second, = owners.keys() - {first}
    assert len(owners[second]) == 24 - len(before)
    assert sorted(points_of(out)) == sorted(product(range(1, 13), ("shift", "repeat")))
    # The same as a sweep that nobody interrupted.
    assert qblif("sweep", space, "--out", tmp_path / "whole", "--workers", 0) == 0
    for name in ("sweep.json", "sweep.svg"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_two_processes_on_one_journal(space, tmp_path):
    out = tmp_path / "out"
    command = space, "--out", out, "--workers", 0
    with started(*command) as one:
        wait_for(lambda: len(history(out)[0]) >= 1, one)
        stop(one, out)  # It lives, and its point is its own.
        before = len(history(out)[0])
        with started(*command) as other:
            wait_for(lambda: len(history(out)[0]) >= before + 3, other)
            one.send_signal(signal.SIGCONT)
            assert (one.wait(PATIENCE), other.wait(PATIENCE)) == (0, 0)
    finished, owners = history(out)
    assert set(finished.values()) == {1} and len(finished) == 24 and len(owners) == 2
    assert sum(len(trials) for trials in owners.values()) == 24
    assert sorted(points_of(out)) == sorted(product(range(1, 13), ("shift", "repeat")))


def test_simulate_says_the_same_on_two_workers(network, digits, tmp_path, cluster, icarus,
                                               monkeypatch):
    monkeypatch.setattr(parts, "VALUES", 2 * 39)  # Two frames a part.
    command = ("simulate", network, "--data", digits, "--images", 3, "--lanes", 4,
               "--simulator", icarus)
    reports = []
    for name, where in (("here", ()), ("there", ("--dask", cluster))):
        assert qblif(*command, "--out", tmp_path / name, *where) == 0
        report = json.loads((tmp_path / name / "simulate.json").read_text())
        for timing in ("seconds", "run_seconds", "build"):
            del report[timing]
        reports.append(report)
    assert reports[0] == reports[1] and reports[0]["images"] == 3
    assert reports[0]["cycles"]["model_equal"] and reports[0]["levels_compared"] == 3 * 30


def test_workers_that_there_are_not(network, tmp_path, capsys, monkeypatch):
    from qblif.sweep import workers
    monkeypatch.setattr(workers, "PATIENCE", 0.2)
    space = lanes_space(tmp_path, network, [1])
    for address in ("tcp://127.0.0.1:9", "ftp://nobody"):
        assert qblif("sweep", space, "--out", tmp_path, "--dask", address) == 2
        line, = capsys.readouterr().err.splitlines()
        assert line == f"qblif: No Dask scheduler answers at {address!r}"


def test_an_extra_that_is_missing(network, tmp_path, capsys, monkeypatch):
    space = lanes_space(tmp_path, network, [1])
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert qblif("sweep", space, "--out", tmp_path) == 2
    assert capsys.readouterr().err == (
        "qblif: A sweep needs optuna: pip install 'qblif[sweep]'\n")
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert qblif("sweep", space, "--out", tmp_path, "--workers", 1) == 2
    assert capsys.readouterr().err == "qblif: Workers need Dask: pip install 'qblif[sweep]'\n"


def test_the_table_and_its_refusals(network, tmp_path, capsys):
    space = lanes_space(tmp_path, network, [1, 2, "1,2,3"])
    assert qblif("sweep", space, "--out", tmp_path / "out", "--workers", 0) == 0
    shown = capsys.readouterr().out
    assert "on the Pareto front" in shown and "block RAMs" in shown
    assert "lanes 1,2,3: Lanes must be 1 number or 2" in shown
    bad = tmp_path / "bad.toml"
    bad.write_text("objectives = 3")
    assert qblif("sweep", bad, "--out", tmp_path / "out") == 2
    assert capsys.readouterr().err.startswith(f"qblif: {bad}: ")
    assert os.path.exists(tmp_path / "out/sweep.json")
