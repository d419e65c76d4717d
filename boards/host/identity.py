"""What a board says it is, and whether that can be."""

from dataclasses import dataclass

from ...golden.spec import Network
from ...hw.layout.compile import Layout, compile
from ...hw.layout.cycles import entry_clock
from ...hw.layout.plan import Plan
from ...hw.link.plan_registers import plan_from_registers
from ...hw.link.protocol import (
    LEVELS_SPACE,
    MAGIC,
    ROOM,
    VERSION,
    LogicRegister,
    Register,
    State,
    SynapseRegister,
    synapse_register,
)
from .line import HostError

__all__ = ["NO_BOARD", "Identity", "LogicIdentity", "check_network", "read_identity"]

NO_BOARD = "What answers is no qblif board: check the port"
MOST_SYNAPSES = 16 * LEVELS_SPACE  # Stages are numbered below LEVELS_SPACE.


@dataclass(frozen=True)
class Identity:
    """What a board says it is: the digests of its network and layout, the plan by which it was laid
    out, its clock, the words of a complete load, whether it records levels, its state, the checksum
    of the load that armed it, and the bytes of requests that may wait on it."""

    digest: str
    layout_digest: str
    plan: Plan
    clock_hz: int
    words: int
    levels: bool
    state: State
    checksum: int
    room: int

    @property
    def lanes(self) -> list[list[int]]:
        """Lanes of each synapse, stage by stage."""
        return [list(stage.lanes) for stage in self.plan.stages]

    def layout(self, spec: Network) -> Layout:
        """The board's :class:`~qblif.hw.layout.compile.Layout` of the network ``spec``.

        Raises :class:`HostError` where the board has another number of stages or synapses than the
        network, and where this program lays it out in another way than the board's did.
        """
        try:
            layout = compile(spec, self.plan)
        except ValueError as error:
            raise HostError(f"The board's plan is not for this network ({error}): build the "
                            "bitstream again") from error
        if layout.digest != self.layout_digest:
            raise HostError(f"The board has layout {self.layout_digest}, this program makes "
                            f"{layout.digest} of its plan: build the bitstream again")
        return layout


@dataclass(frozen=True)
class LogicIdentity:
    """What a board says it is whose network is logic: the digests of the network and of the weights
    in it, its clock, how many frames it holds in how many banks, whether they are pixels, the
    clocks from a frame to its class, how many frames enter in successive clocks and the clocks from
    the first of them to the first of the next, its state, the checksum of the frames that it holds,
    and the bytes of requests that may wait on it."""

    digest: str
    weights_digest: str
    clock_hz: int
    frames: int
    banks: int
    pixels: bool
    latency: int
    slots: int
    period: int
    state: State
    checksum: int
    room: int

    def clocks(self, frames: int) -> int:
        """From the first frame of a run to the class of its last."""
        return entry_clock(frames - 1, self.slots, self.period) + self.latency


def read_identity(registers):
    """The :class:`Identity` in a board's registers, or the :class:`LogicIdentity`;
    ``registers(address, count)`` reads some.

    Raises :class:`HostError` where they are not those of a board of this protocol.
    """
    found = registers(0, max(Register) + 1)
    if found[Register.MAGIC] != MAGIC:
        raise HostError(NO_BOARD)
    if found[Register.VERSION] != VERSION:
        raise HostError(f"The board speaks version {found[Register.VERSION]} of the protocol, "
                        f"this program {VERSION}: build the bitstream again")
    _check("number of synapses", found[Register.SYNAPSES], 0, MOST_SYNAPSES)
    _check("state", found[Register.STATE], min(State), max(State))
    _check("room", found[Register.ROOM], ROOM, (1 << 24) - 1)
    _check("clock", found[Register.CLOCK_HZ], 1, (1 << 32) - 1)
    if not found[Register.SYNAPSES]:
        return _logic_identity(found, registers(min(LogicRegister), len(LogicRegister)))
    try:
        plan = plan_from_registers([registers(synapse_register(k), len(SynapseRegister))
                                    for k in range(found[Register.SYNAPSES])])
    except ValueError as error:
        raise HostError(f"The board describes no plan ({error}): build the bitstream again"
                        ) from error
    return Identity(
        digest=_digest(found),
        layout_digest=f"{found[Register.LAYOUT_HIGH]:08x}{found[Register.LAYOUT_LOW]:08x}",
        plan=plan, clock_hz=found[Register.CLOCK_HZ], words=found[Register.WORDS],
        levels=bool(found[Register.LEVELS]), state=State(found[Register.STATE]),
        checksum=found[Register.CHECKSUM], room=found[Register.ROOM])


def _logic_identity(found, logic):
    frames, banks, pixels, latency, low, high, slots, period = logic
    _check("number of frames", frames, 1, (1 << 24) - 1)
    _check("number of banks", banks, 1, (1 << 16) - 1)
    _check("number of slots", slots, 1, (1 << 16) - 1)
    _check("period", period, slots, (1 << 16) - 1)
    return LogicIdentity(
        digest=_digest(found), weights_digest=f"{high:08x}{low:08x}",
        clock_hz=found[Register.CLOCK_HZ], frames=frames, banks=banks, pixels=bool(pixels),
        latency=latency, slots=slots, period=period, state=State(found[Register.STATE]),
        checksum=found[Register.CHECKSUM], room=found[Register.ROOM])


def _digest(found):
    return f"{found[Register.DIGEST_HIGH]:08x}{found[Register.DIGEST_LOW]:08x}"


def check_network(identity, spec):
    """Raise :class:`HostError` where the board's bitstream is not for the network ``spec``."""
    if identity.digest != spec.digest:
        raise HostError(f"The board's bitstream is for network {identity.digest}, the file is "
                        f"{spec.digest}: build a bitstream for it, or train the network with "
                        "--like")
    identity.layout(spec)


def _check(what, value, least, most):
    if not least <= value <= most:
        allowed = f"in {least}..{most}" if least < most else least
        raise HostError(f"The board's {what} must be {allowed}, not {value}: build the bitstream "
                        "again")
