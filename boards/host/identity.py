"""What a board says it is, and whether that can be."""

from dataclasses import dataclass

from ...hw.link.protocol import (
    BURSTS,
    LEVELS_SPACE,
    MAGIC,
    VERSION,
    Register,
    State,
    SynapseRegister,
    row_bytes,
    synapse_register,
)
from .line import HostError

__all__ = ["NO_BOARD", "Identity", "check_network", "read_identity"]

NO_BOARD = "What answers is no qblif board: check the port"
MOST_SYNAPSES = 16 * LEVELS_SPACE  # Stages are numbered below LEVELS_SPACE.
MOST_LANES = 1 << 16
LONGEST_WORD = 255  # Bytes: a request names its words' size in one.
SIZES = ("lanes", "fire_lanes", "slices", "slice_lanes")


@dataclass(frozen=True)
class Identity:
    """What a board says it is; ``stages`` have the fields of a manifest's stages that
    :func:`qblif.hw.layout.memory_image.load_writes` reads."""

    digest: str
    clock_hz: int
    words: int
    levels: bool
    state: State
    checksum: int
    stages: list[dict]

    @property
    def lanes(self):
        """Lanes of each synapse, stage by stage."""
        return [[synapse["lanes"] for synapse in stage["synapses"]] for stage in self.stages]


def read_identity(registers):
    """The :class:`Identity` in a board's registers; ``registers(address, count)`` reads some.

    Raises :class:`HostError` where they are not those of a board of this protocol.
    """
    found = registers(0, max(Register) + 1)
    if found[Register.MAGIC] != MAGIC:
        raise HostError(NO_BOARD)
    if found[Register.VERSION] != VERSION:
        raise HostError(f"The board speaks version {found[Register.VERSION]} of the protocol, "
                        f"this program {VERSION}: build the bitstream again")
    _check("number of synapses", found[Register.SYNAPSES], 1, MOST_SYNAPSES)
    _check("state", found[Register.STATE], min(State), max(State))
    _check("clock", found[Register.CLOCK_HZ], 1, (1 << 32) - 1)
    stages = []
    for k in range(found[Register.SYNAPSES]):
        values = registers(synapse_register(k), len(SynapseRegister))
        _add_synapse(stages, {f.name.lower(): values[f] for f in SynapseRegister})
    return Identity(
        digest=f"{found[Register.DIGEST_HIGH]:08x}{found[Register.DIGEST_LOW]:08x}",
        clock_hz=found[Register.CLOCK_HZ], words=found[Register.WORDS],
        levels=bool(found[Register.LEVELS]), state=State(found[Register.STATE]),
        checksum=found[Register.CHECKSUM], stages=stages)


def check_network(identity, spec):
    """Raise :class:`HostError` where the board's bitstream is not for the network ``spec``."""
    if identity.digest != spec.digest:
        raise HostError(f"The board's bitstream is for network {identity.digest}, the file is "
                        f"{spec.digest}: build a bitstream for it, or train the network with "
                        "--like")
    found = [len(stage["synapses"]) for stage in identity.stages]
    wanted = [len(spec.synapses_to(p.name)) for p in spec.populations]
    if found != wanted:
        raise HostError(f"The board's stages must have {wanted} synapses, as the network has, not "
                        f"{found}: build the bitstream again")
    for population, stage in zip(spec.populations, identity.stages, strict=True):
        for synapse, held in zip(spec.synapses_to(population.name), stage["synapses"],
                                 strict=True):
            _check(f"bytes of a word of {synapse.name}",
                   row_bytes(held["slice_lanes"] * synapse.w_width), 1, LONGEST_WORD)


def _add_synapse(stages, synapse):
    """Append a synapse to its stage, which is the last one or a new one."""
    _check("stage of a synapse", synapse["stage"], max(0, len(stages) - 1), len(stages))
    _check("burst mode", synapse["burst"], 0, len(BURSTS) - 1)
    for name in SIZES:
        _check(name.replace("_", " "), synapse[name], 1, MOST_LANES)
    lanes, slices = synapse["lanes"], -(-synapse["lanes"] // synapse["slice_lanes"])
    _check(f"slices of {lanes} lanes", synapse["slices"], slices, slices)
    if synapse["stage"] == len(stages):
        stages.append({"fire_lanes": synapse["fire_lanes"], "burst": BURSTS[synapse["burst"]],
                       "synapses": []})
    stages[-1]["synapses"].append(synapse)


def _check(what, value, least, most):
    if not least <= value <= most:
        allowed = f"in {least}..{most}" if least < most else least
        raise HostError(f"The board's {what} must be {allowed}, not {value}: build the bitstream "
                        "again")
