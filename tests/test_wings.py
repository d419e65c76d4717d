"""The source tree's imports run as docs/house.svg draws them: downwards, without a circle."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What each wing may import directly; flow and families are rooms of the wing boards.
ARROWS = {
    "golden/spec": set(),
    "golden": {"golden/spec"},
    "golden/training": {"golden", "golden/spec"},
    "golden/study": {"golden/training", "golden", "golden/spec"},
    "hw/layout": {"golden/spec"},
    "hw/core": {"hw/layout", "golden/spec"},
    "hw/link": {"hw/core", "hw/layout", "golden/spec"},
    "hw": {"hw/core", "hw/layout", "golden/spec"},
    "boards/host": {"hw/link", "hw/layout", "golden/spec"},
    "boards": {"hw", "hw/link", "hw/core", "hw/layout", "golden/spec"},
    "sim": {"hw", "hw/link", "hw/core", "hw/layout", "golden/training", "golden", "golden/spec"},
    "api": {"sim", "boards", "boards/host", "hw", "hw/link", "hw/layout", "golden/study",
            "golden/training", "golden", "golden/spec"},
    "cli": {"api", "sim", "boards", "boards/host", "hw", "hw/link", "hw/layout", "golden/study",
            "golden/training", "golden", "golden/spec"},
}
# An engine names its component, and imports it only as that is built.
UPWARDS = {"hw/layout/scatter_engine.py": ["hw/core"]}


def wing(path):
    """The innermost wing that holds ``path``, relative to the root; ``None`` for the root."""
    return next((str(parent) for parent in path.parents if str(parent) in ARROWS), None)


def imported(path, text):
    """Paths, relative to the root, of what the module at ``path`` imports from this package."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1] / (node.module or "").replace(".", "/")
            for name in node.names:
                is_module = (ROOT / base / f"{name.name}.py").exists()
                yield base / name.name if is_module or (ROOT / base).is_dir() else base


def strays(path, text):
    """Wings that the module at ``path`` imports and may not."""
    here = wing(path)
    return sorted({there for target in imported(path, text)
                   if (there := wing(target)) not in (None, here, *ARROWS[here])})


@pytest.mark.parametrize("name", ARROWS)
def test_imports_follow_the_arrows(name):
    paths = [path.relative_to(ROOT) for path in (ROOT / name).rglob("*.py")]
    found = {str(path): strays(path, (ROOT / path).read_text()) for path in paths
             if wing(path) == name}
    assert found
    assert {path: wings for path, wings in found.items() if wings} == {
        path: wings for path, wings in UPWARDS.items() if path in found}


def test_there_is_no_circle():
    left = dict(ARROWS)
    while free := [name for name, below in left.items() if not below & left.keys()]:
        for name in free:
            del left[name]
    assert not left


def test_finds_an_arrow_upwards():
    text = "def build():\n    from ..core.engine import ScatterEngineCore\n"
    assert strays(Path("hw/layout/scatter.py"), text) == ["hw/core"]
    assert strays(Path("hw/core/stage.py"), "from ..layout import latency\n") == []
    assert strays(Path("sim/bench.py"), "from ..cli.common import table\n") == ["cli"]
    assert strays(Path("boards/host/host.py"), "from ..build import build\n") == ["boards"]
