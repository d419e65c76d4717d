import pytest

from qblif.sim.simulators import SimulatorError, require


def needs(simulator):
    """Skip, and say why, where ``simulator`` is not installed."""
    try:
        require(simulator)
    except SimulatorError as error:
        pytest.skip(str(error))
    return simulator


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """One folder of builds for a test run, so that the user's stays as it is."""
    return tmp_path_factory.mktemp("builds")


@pytest.fixture(params=["icarus", "verilator"])
def simulator(request):
    return needs(request.param)


@pytest.fixture
def quick():
    """The simulator that builds faster, of those that are there."""
    for name in ("icarus", "verilator"):
        try:
            require(name)
            return name
        except SimulatorError as error:
            reason = str(error)
    pytest.skip(reason)
