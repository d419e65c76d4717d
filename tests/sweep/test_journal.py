import json

import pytest
from sweep_cases import history

from qblif.golden.spec.errors import InvalidValue
from qblif.sweep.journal import Journal
from qblif.sweep.space import Space

FIGURES = {"luts": 10, "fmax": 50.0}


def space_of(lanes=(1, 2, 4), **changes):
    return Space(**{"parameters": {"lanes": tuple(lanes), "burst": ("shift", "repeat")},
                    "objectives": ("luts", "fmax"), "network": "mnist-mlp", "train": {}} | changes)


def journal(folder, space=None, **identity):
    space = space or space_of()
    return Journal(folder, space, {"seed": 0} | identity)


def run_out(one, figures=FIGURES):
    """Claim and finish until nothing is left; returns the points."""
    points = []
    while claimed := one.claim():
        points.append(tuple(claimed[1].values()))
        one.finish(claimed[0], figures)
    return points


def test_every_point_of_a_grid_once(tmp_path):
    with journal(tmp_path) as one:
        points = run_out(one)
        assert len(points) == len(set(points)) == 6
        found = one.finished()
    assert [tuple(f.point.values()) for f in found] == [
        (lanes, burst) for lanes in (1, 2, 4) for burst in ("shift", "repeat")]
    assert found[0].figures == FIGURES and found[0].reason is None
    with journal(tmp_path) as again:
        assert again.claim() is None and again.finished() == found
    assert not list((tmp_path / "running").iterdir())


def test_a_point_that_a_living_process_is_at_is_left_to_it(tmp_path):
    with journal(tmp_path) as one, journal(tmp_path) as other:
        number, mine = one.claim()
        theirs = run_out(other)
        assert tuple(mine.values()) not in theirs and len(theirs) == 5
        assert other.claim() is None and len(other.finished()) == 5
        one.finish(number, FIGURES)
        assert len(other.finished()) == 6
    finished, _ = history(tmp_path)
    assert set(finished.values()) == {1}


def test_points_of_a_process_that_ended_are_free_again(tmp_path):
    with journal(tmp_path) as one:
        number, done = one.claim()
        one.finish(number, FIGURES)
        _, left = one.claim()
    with journal(tmp_path) as other:
        points = run_out(other)
    assert tuple(left.values()) in points and tuple(done.values()) not in points
    assert len(points) == 5


def test_a_process_that_ended_before_it_signed(tmp_path):
    """Killed behind the claim, or with a point on the list that it did not begin."""
    with journal(tmp_path) as one:
        first = next(one.space.grid())
        one._study.enqueue_trial(first)
        one._study.ask(one._choices)
        one._study.enqueue_trial(first)
    with journal(tmp_path) as other:
        points = run_out(other)
    assert len(points) == len(set(points)) == 6


def test_what_cannot_be_built_is_finished_too(tmp_path):
    with journal(tmp_path) as one:
        number, point = one.claim()
        one.refuse(number, "Does not fit")
    with journal(tmp_path) as other:
        assert tuple(point.values()) not in run_out(other)
        refused, = (f for f in other.finished() if f.figures is None)
    assert refused.point == point and refused.reason == "Does not fit"


@pytest.mark.parametrize("sampler", ["nsga2", "tpe"])
def test_a_sampler_takes_so_many_points_and_none_twice(tmp_path, sampler):
    for points in (4, 6):  # The second time all that there are, of which four are known.
        with journal(tmp_path, space_of(sampler=sampler, points=points)) as one:
            run_out(one)
            found = [tuple(f.point.values()) for f in one.finished()]
            assert len(found) == len(set(found)) == points


@pytest.mark.parametrize("objectives, directions", [
    (("luts", "fmax"), ["MINIMIZE", "MAXIMIZE"]),
    (("accuracy", "cycles", "energy", "block_rams"),
     ["MAXIMIZE", "MINIMIZE", "MINIMIZE", "MINIMIZE"])])
def test_directions(tmp_path, objectives, directions):
    with journal(tmp_path, space_of(objectives=objectives)) as one:
        assert [direction.name for direction in one._study.directions] == directions


def test_a_journal_of_another_sweep(tmp_path):
    with journal(tmp_path):
        pass
    with pytest.raises(InvalidValue, match="of another sweep, whose seed is 0, not 1: choose"):
        journal(tmp_path, seed=1)


@pytest.mark.parametrize("content", [b"hello\n", b"hello", b"\x80\x81\n", b"[]\n", b"{}\n{}\n",
                                     b'{"op_code": 99}\n{"op_code": 0}\n'])
def test_a_damaged_journal(tmp_path, content):
    path = tmp_path / "sweep.journal"
    path.write_bytes(content)
    with pytest.raises(InvalidValue, match="sweep.journal: damaged, or not the journal"):
        journal(tmp_path)
    assert path.read_bytes().startswith(content)


def test_a_line_that_was_cut_short_is_taken_away(tmp_path):
    with journal(tmp_path) as one:
        number, _ = one.claim()
        one.finish(number, FIGURES)
    path = tmp_path / "sweep.journal"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])  # The last finish.
    with journal(tmp_path) as other:
        assert other.finished() == [] and len(run_out(other)) == 6
    assert all(json.loads(line) for line in path.read_text().splitlines())
