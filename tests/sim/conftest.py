import pytest
from needs import needs

from qblif.hw.verilog import generate
from qblif.sim.simulators import SimulatorError, require


@pytest.fixture(scope="session")
def generated(tiny):
    """The tiny network's Verilog, generated once."""
    return generate(tiny[1])


@pytest.fixture(params=["icarus", "verilator"])
def simulator(request):
    return needs(request.param)


@pytest.fixture
def quick():
    """The simulator that builds faster, of those that are there."""
    try:
        require("icarus")
    except SimulatorError:
        return needs("verilator")
    return "icarus"
