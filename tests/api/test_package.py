"""What a user installs: the wheel and the source archive carry everything, the README's example
runs from the wheel alone, and a type checker knows every name of the library's door."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from needs import needs

import qblif

ROOT = Path(__file__).parents[2]
BUILD = ("from setuptools import build_meta; build_meta.build_wheel({0!r}); "
         "build_meta.build_sdist({0!r})")


def run(command, folder, **environment):
    """What ``command`` prints, in ``folder``; the checkout is not on its path."""
    # The type checker asks the first Python of PATH where packages are.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True,
                          env=os.environ | {"PATH": path} | environment)
    return done.returncode, done.stdout, done.stderr


def files_of_checkout():
    """Every file that git knows or would take, relative to the checkout."""
    listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT,
                            check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the wheel and the source archive, built from a copy of the checkout."""
    folder = tmp_path_factory.mktemp("package")
    for name in files_of_checkout():
        (folder / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / "copy" / name)
    code, _, errors = run([sys.executable, "-c", BUILD.format(str(folder))], folder / "copy")
    assert code == 0, errors
    return folder


@pytest.fixture(scope="module")
def unpacked(built):
    """The wheel's contents, as they are once it is installed."""
    with zipfile.ZipFile(*built.glob("*.whl")) as wheel:
        wheel.extractall(built / "unpacked")
    return built / "unpacked"


def test_archives_carry_everything(built):
    with zipfile.ZipFile(*built.glob("*.whl")) as wheel, tarfile.open(*built.glob("*.gz")) as sdist:
        installed = set(wheel.namelist())
        archived = {name.partition("/")[2] for name in sdist.getnames()}
    wanted = [name for name in files_of_checkout()
              if re.fullmatch(r"networks/.*\.safetensors|docs/[^/]*\.md|sim/.*\.(v|vlt|cpp)"
                              r"|report/.*\.(html|css)|py\.typed"
                              r"|(?!tests/|benchmarks/|docs/).*\.py", name)]
    assert {"py.typed", "networks/mnist-mlp.safetensors", "api/network.py"} <= set(wanted)
    assert not {f"qblif/{name}" for name in wanted} - installed
    assert not {*wanted, "README.md", "LICENSE", "pyproject.toml"} - archived


def test_version(unpacked, tmp_path):
    expected = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    found = run([sys.executable, "-m", "qblif", "--version"], tmp_path, PYTHONPATH=str(unpacked))
    assert found == (0, f"qblif {expected}\n", "")


def test_readme_runs_from_the_wheel(unpacked, tmp_path, user_cache):
    needs("verilator")
    block = re.search(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    (tmp_path / "example.py").write_text(block[1] + "print(qblif.__file__)\n")
    code, printed, errors = run([sys.executable, "example.py"], tmp_path,
                                PYTHONPATH=str(unpacked), XDG_CACHE_HOME=str(user_cache))
    assert code == 0, errors
    right, fit, simulated, file = printed.splitlines()
    assert re.fullmatch(r"right: (19|20) of 20", right)
    assert re.match("fits ecp5-85k: ", fit)
    assert re.match(r"20 frames on verilator: 0 of 5,120 levels, 0 of 5,520 membranes and "
                    r"0 classes differ; ", simulated)
    assert Path(file) == unpacked / "qblif" / "__init__.py"
    assert "module qblif_network" in (tmp_path / "network.v").read_text()


def completeness(folder):
    """What pyright says of the types of the public names of the package in ``folder``."""
    _, printed, errors = run([sys.executable, "-m", "pyright", "--verifytypes", "qblif.api",
                              "--ignoreexternal", "--outputjson"], folder, PYTHONPATH=str(folder))
    assert printed, errors
    report = json.loads(printed)["typeCompleteness"]
    assert Path(report["packageRootDirectory"]) == folder / "qblif"
    return report


def test_types_are_complete(unpacked):
    report = completeness(unpacked)
    assert [symbol["name"] for symbol in report["symbols"]
            if not symbol["isTypeKnown"] or symbol["isTypeAmbiguous"]] == []
    assert report["completenessScore"] == 1
    names = {symbol["name"] for symbol in report["symbols"] if symbol["isExported"]}
    assert {f"qblif.api.{name}" for name in qblif.__all__} - names <= {"qblif.api.__version__"}


def test_notices_a_missing_type(unpacked, tmp_path):
    shutil.copytree(unpacked, tmp_path, dirs_exist_ok=True)
    network = tmp_path / "qblif" / "api" / "network.py"
    network.write_text(network.read_text().replace("def networks() -> list[str]:",
                                                   "def networks():"))
    report = completeness(tmp_path)
    assert report["completenessScore"] < 1
    assert "qblif.api.network.networks" in {symbol["name"] for symbol in report["symbols"]
                                            if not symbol["isTypeKnown"]}
