"""The seeds of the random networks: one base seed, from which a failing case is run again."""

import re
import subprocess

import pytest
from random_cases import Draw, base_seed


@pytest.fixture(autouse=True)
def fresh():
    base_seed.cache_clear()
    yield
    base_seed.cache_clear()


def numbers(draw):
    return [draw.integer(0, 1000) for _ in range(5)]


def test_a_case_is_announced_and_repeats(monkeypatch, capsys):
    monkeypatch.setenv("QBLIF_SEED", "12")
    first = numbers(Draw.case("test_random_graphs", 7))
    assert capsys.readouterr().out == (
        "QBLIF_SEED=12 pytest tests/hw/test_random_graphs.py -k 'test_random_graphs[7]'\n")
    assert numbers(Draw.case("test_random_graphs", 7)) == first
    assert numbers(Draw.case("test_random_graphs", 8)) != first
    assert numbers(Draw.case("test_random_networks", 7)) != first


def test_another_seed_is_another_case(monkeypatch):
    found = []
    for seed in ("0", "1"):
        monkeypatch.setenv("QBLIF_SEED", seed)
        base_seed.cache_clear()
        found.append(numbers(Draw.case("test_random_graphs", 7)))
    assert found[0] != found[1]


def test_the_seed_is_that_of_the_commit(monkeypatch):
    monkeypatch.delenv("QBLIF_SEED", raising=False)
    commit = "89abcdef" + "0" * 32
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: subprocess.CompletedProcess(
        args, 0, stdout=commit + "\n"))
    assert base_seed() == 0x89abcdef


def test_no_checkout(monkeypatch):
    def missing(*args, **options):
        raise FileNotFoundError("git")

    monkeypatch.delenv("QBLIF_SEED", raising=False)
    monkeypatch.setattr(subprocess, "run", missing)
    assert base_seed() == 0


def test_the_header_names_the_seed(pytestconfig):
    lines = pytestconfig.hook.pytest_report_header(config=pytestconfig, start_path=None)
    assert re.search(rf"QBLIF_SEED={base_seed()}\b", str(lines))
