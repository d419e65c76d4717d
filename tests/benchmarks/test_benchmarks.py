import json
import shlex

import pytest

from qblif.benchmarks import __main__ as command
from qblif.benchmarks import measure as measuring
from qblif.benchmarks.measure import load_records, measure
from qblif.benchmarks.render import MARKED, PAGES, render
from qblif.benchmarks.rows import ROWS, Row
from qblif.benchmarks.tables import PICTURES, TABLES
from qblif.benchmarks.tree import ROOT, describe_tree
from qblif.cli.main import run_app
from qblif.golden.spec.errors import QblifError


@pytest.mark.parametrize("name", PAGES)
def test_pages_say_what_the_records_say(name):
    page = (ROOT / name).read_text()
    assert MARKED.search(page)
    assert render(page, load_records()) == page, "run python -m qblif.benchmarks --render"


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_of_the_records(name):
    assert PICTURES[name](load_records()) == (ROOT / name).read_text(), \
        "run python -m qblif.benchmarks --render"


def test_every_table_is_somewhere():
    pages = "".join((ROOT / name).read_text() for name in PAGES)
    assert sorted(name for _, name, _ in MARKED.findall(pages)) == sorted(TABLES)


def test_records_are_of_rows_and_say_where_they_are_from():
    for name, record in load_records().items():
        assert record["row"] == name and name in ROWS
        assert record["command"] == ROWS[name].described
        assert record.keys() >= {"commit", "tree", "dirty", "date", "versions", "seconds"}


def test_rendering_again_changes_nothing():
    records = load_records()
    empty = "".join(f"<!-- table: {name} -->\n<!-- /table -->\n" for name in TABLES)
    once = render(f"before\n{empty}after\n", records)
    assert once.startswith("before\n") and once.endswith("after\n") and len(once) > len(empty)
    assert render(once, records) == once


def test_a_table_that_there_is_not():
    with pytest.raises(QblifError, match="^Table must be one of .*, not 'speed'$"):
        render("<!-- table: speed -->\n<!-- /table -->\n", {})


def simulated(row, tree, date, dirty=False, **figures):
    return {row: {"row": row, "commit": f"commit-{tree}", "tree": tree, "dirty": dirty,
                  "date": date, "seconds": 1, "figures": {
                      "images": 10, "accuracy": {"rtl": 0.5}, "levels_compared": 20,
                      "membranes_compared": 30, "mismatches": {"levels": 0, "membranes": 1},
                      "cycles": {"mean": 9.0, "interval_mean": 1234.5, "model_equal": False},
                      "build_seconds": None, "run_seconds": 2, "synapses": [
                          {"lanes": 4, "busy": 0.25}]} | figures}}


def test_a_row_of_other_sources_says_so():
    old = simulated("mnist-mlp-rtl-4", "a", "2026-01-01")
    assert "(of" not in TABLES["rtl-mnist-mlp"](old)
    both = old | simulated("mnist-mlp-rtl-32", "b", "2026-01-02")
    new, stale = TABLES["rtl-mnist-mlp"](both).splitlines()[2:]
    assert "(of" not in new and "| 4: 25.0 % (of commit-a) | 10 | 0 of 20 | 1 of 30 |" in stale
    assert "**1,234.5** | **differs** | cached |" in new
    changed = simulated("mnist-mlp-rtl-4", "b", "2026-01-02", dirty=True)
    assert "(of commit-b, with changes)" in TABLES["rtl-mnist-mlp"](changed)


@pytest.fixture
def shipped():
    return Row("small", "info networks/mnist-mlp.safetensors --lanes 4", lambda report: {
        "lanes": [stage["lanes"] for stage in report["stages"]]})


def test_measures_a_row(shipped, tmp_path):
    record = measure(shipped, {}, tmp_path)
    assert record == json.loads((tmp_path / "small.json").read_text())
    assert record["figures"] == {"lanes": [[4], [1]]}
    assert record["command"] == shipped.described and record["versions"]["numpy"]
    assert {key: record[key] for key in ("commit", "tree", "dirty")} == describe_tree()
    assert [path.name for path in tmp_path.iterdir()] == ["small.json"]
    measure(shipped, {}, tmp_path, keep=tmp_path / "kept")
    assert json.loads((tmp_path / "kept/small/info.json").read_text())["stages"][0]["lanes"] == [4]


def test_a_record_has_no_path_of_this_machine(tmp_path, monkeypatch):
    row, ran = Row("data", "simulate x --data MNIST", lambda report: report), []

    def run(words, **_):
        ran.append(words)
        out = words[words.index("--out") + 1]
        (measuring.Path(out) / "simulate.json").write_text("{}")
        return type("Done", (), {"returncode": 1})

    monkeypatch.setattr(measuring.subprocess, "run", run)
    monkeypatch.setattr(measuring, "describe_tree", lambda: {"dirty": False})
    measure(row, {"MNIST": tmp_path / "secret"}, tmp_path)
    assert str(tmp_path / "secret") in ran[0]
    assert "secret" not in (tmp_path / "data.json").read_text()


def test_a_row_that_trains_first(tmp_path, monkeypatch):
    row = Row("both", "synth NETWORK --row 2", lambda report: {"lut": report["lut"]},
              Row("training", "train --data MNIST", lambda report: {"accuracy": report["a"]}))
    assert row.described == "qblif train --data MNIST && qblif synth NETWORK --row 2"
    assert row.data == {"MNIST"}
    ran = []

    def run(words, **_):
        command, out = words[3], measuring.Path(words[words.index("--out") + 1])
        ran.append(words[3:-2])
        if command == "synth":
            assert words[4] == str(out / "network.safetensors")
        (out / f"{command}.json").write_text(json.dumps(
            {"a": 0.5, "lut": 7} if fails != command else {}))
        return type("Done", (), {"returncode": 2 if fails == command else 0})

    monkeypatch.setattr(measuring.subprocess, "run", run)
    monkeypatch.setattr(measuring, "describe_tree", lambda: {"dirty": False})
    fails = None
    record = measure(row, {"MNIST": tmp_path / "images"}, tmp_path)
    assert record["figures"] == {"accuracy": 0.5, "lut": 7}
    assert record["command"] == row.described
    assert [words[0] for words in ran] == ["train", "synth"]
    assert ran[0][1:] == ["--data", str(tmp_path / "images")] and ran[1][2:] == ["--row", "2"]
    fails = "train"  # The second command does not run then.
    with pytest.raises(QblifError, match="^both: qblif train --data MNIST ended with exit code 2"):
        measure(row, {"MNIST": tmp_path}, tmp_path)
    assert len(ran) == 3
    with pytest.raises(QblifError, match="^both needs the folder of MNIST: give --mnist DIR$"):
        measure(row, {}, tmp_path)


def test_refuses_without_data_and_after_a_failure(tmp_path):
    with pytest.raises(QblifError, match="^cifar-vgg-rtl needs the folder of CIFAR: give --cifar "):
        measure(ROWS["cifar-vgg-rtl"], {"MNIST": tmp_path}, tmp_path)
    with pytest.raises(QblifError, match="^no: qblif info none ended with exit code 2$"):
        measure(Row("no", "info none", dict), {}, tmp_path)
    assert not list(tmp_path.iterdir())


def run(text):
    with pytest.raises(SystemExit) as ended:
        run_app(command.app, shlex.split(text))
    return ended.value.code or 0


def test_command(capsys, monkeypatch, tmp_path):
    for name in ("QBLIF_MNIST", "QBLIF_CIFAR"):  # Of whoever runs the tests.
        monkeypatch.delenv(name, raising=False)
    measured = []
    monkeypatch.setattr(command, "measure",
                        lambda row, folders, keep: measured.append((row.name, folders, keep))
                        or {"seconds": 1})
    assert run(f"mnist-mlp-synth-4 demo --mnist {tmp_path}") == 0
    assert measured == [(name, {"MNIST": tmp_path}, None)
                        for name in ("mnist-mlp-synth-4", "demo")]
    assert "1 of 2: mnist-mlp-synth-4" in capsys.readouterr().out
    assert run(f"cifar-vgg-synth --keep {tmp_path}") == 0
    assert measured[2:] == [("cifar-vgg-synth", {}, tmp_path)]
    monkeypatch.setattr(command, "measure", measuring.measure)
    assert run("cifar-vgg-rtl cifar-vgg-integer") == 2  # Without their data; both are tried.
    shown = capsys.readouterr()
    assert shown.err == "qblif: Not measured: cifar-vgg-integer, cifar-vgg-rtl\n"
    assert "cifar-vgg-rtl needs the folder of CIFAR" in shown.out
    assert run("--list") == 0 and len(measured) == 3
    assert all(name in capsys.readouterr().out for name in ["demo"])
    assert run("nothing") == 2
    assert capsys.readouterr().err.startswith("qblif: Row must be one of mnist-mlp-integer, ")
