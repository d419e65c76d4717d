import os
import time

import pytest

from qblif.sim import build_cache
from qblif.sim.build_cache import BuildCache


def made(cache, text, tmp_path, kind="bench", made_of=("1",), size=100, count=None):
    source = tmp_path / "source"
    source.write_text(text)

    def compile_into(folder):
        (folder / "program").write_text(text.ljust(size))
        (folder / "rest").write_text("not kept")
        if count is not None:
            count.append(text)
    return cache.get(kind, made_of, [source], "program", compile_into)


def test_equal_builds_are_made_once(tmp_path):
    cache, count = BuildCache(tmp_path / "cache"), []
    first, second = (made(cache, "a", tmp_path, count=count) for _ in range(2))
    assert (first.cached, second.cached, count) == (False, True, ["a"])
    assert first.folder == second.folder
    assert [file.name for file in first.folder.iterdir()] == ["program"]


@pytest.mark.parametrize("other", [
    {"text": "b"}, {"kind": "program"}, {"made_of": ("2",)}, {"made_of": ("1", "")},
    {"made_of": ("1", "top")}])
def test_what_tells_builds_apart(tmp_path, other):
    cache = BuildCache(tmp_path / "cache")
    folders = [made(cache, tmp_path=tmp_path, **options).folder
               for options in ({"text": "a"}, {"text": "a"} | other)]
    assert folders[0] != folders[1]


def test_the_longest_unused_go(tmp_path, monkeypatch):
    monkeypatch.setattr(build_cache, "IN_USE", -1)
    cache = BuildCache(tmp_path / "cache", limit=250)
    folders = {}
    for age, text in enumerate("abc"):
        folders[text] = made(cache, text, tmp_path).folder
        os.utime(folders[text], (time.time() - 1000 + age,) * 2)
    made(cache, "a", tmp_path)  # Used again, so that b is the oldest.
    cache.evict()
    assert [text for text, folder in folders.items() if folder.is_dir()] == ["a", "c"]


def test_builds_in_use_stay(tmp_path):
    cache = BuildCache(tmp_path / "cache", limit=0)
    folders = [made(cache, text, tmp_path).folder for text in "ab"]
    assert all(folder.is_dir() for folder in folders)


def test_failed_build_leaves_nothing(tmp_path):
    cache = BuildCache(tmp_path / "cache")

    def fail(folder):
        raise RuntimeError("no compiler")
    with pytest.raises(RuntimeError, match="^no compiler$"):
        cache.get("bench", ["1"], [], "program", fail)
    assert not any((tmp_path / "cache").iterdir())
