import re
from pathlib import Path

import pytest

from qblif.golden.spec.artifact import ArtifactError
from qblif.golden.spec.checks import check_int, check_name
from qblif.golden.spec.errors import InvalidType, InvalidValue, QblifError


@pytest.mark.parametrize("module, name, builtin", [
    ("golden.spec.errors", "InvalidValue", ValueError),
    ("golden.spec.errors", "InvalidType", TypeError),
    ("golden.spec.artifact", "ArtifactError", ValueError),
    ("golden.training.checkpoint", "CheckpointError", ValueError),
    ("sim.simulators", "SimulatorError", RuntimeError),
    ("boards.flow.tools", "SynthError", Exception),
    ("boards.flow.tools", "DoesNotFit", Exception),
    ("boards.host.line", "HostError", RuntimeError)])
def test_every_error_of_ours_has_one_base(module, name, builtin):
    found = getattr(__import__(f"qblif.{module}", fromlist=[name]), name)
    assert issubclass(found, QblifError) and issubclass(found, builtin)


def test_checks_raise_ours():
    with pytest.raises(InvalidValue, match="^Lanes must be in 1..4, not 5$"):
        check_int("Lanes", 5, 1, 4)
    with pytest.raises(InvalidType, match="^Lanes must be an integer, not '5'$"):
        check_int("Lanes", "5", 1, 4)
    with pytest.raises(InvalidType, match="^Name must be a string, not 3$"):
        check_name("Name", 3)
    assert not issubclass(ArtifactError, InvalidType)


def test_no_plain_error_is_raised_on_purpose():
    # A plain ValueError or TypeError counts as a bug of ours: the command line shows its traceback.
    root = Path(__file__).parents[3]
    found = [str(file) for wing in ("golden", "hw", "sim", "boards", "api", "cli", "benchmarks")
             for file in (root / wing).rglob("*.py")
             if re.search("raise (Value|Type)Error[(]", file.read_text())]
    assert not found
