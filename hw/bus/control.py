"""The registers in gateware: loads, actions, state, counters."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..core.multiplexer import tree
from ..core.network import load_word
from ..layout.latency import NETWORK_READBACK_LATENCY
from .access import Access
from .registers import (
    CONTROL,
    ERRORS,
    FIRST_DATA,
    ID,
    STATUS,
    VERSION,
    by_name,
    data_parts,
    register_map,
)

__all__ = ["Control"]

COUNTERS = ("FRAMES", "REFUSED", "CYCLES", "EVENTS_", "WORDS_")


class Control(wiring.Component):
    """Carries out accesses to the registers, whose table says what each one does:
    :func:`qblif.hw.bus.registers.register_map`.

    An access waits while the network is being reset, and takes two cycles then; a readback takes
    as many more as the network does::

        access.valid  1  1
        action        a
        access.done      1
        pulses           1     of restart, clear, load_valid: what the action is

    Parameters
    ----------
    layout : :class:`qblif.hw.layout.compile.Layout`
    armed : bool
        Whether frames are accepted after a reset of the bus: the weights are there already.
    readback : bool
        Whether loaded words can be read.

    Members
    -------
    access : ``In(Access())``
    resetting : ``In(1)``
        The network is being reset.
    restart, new_frame, clear : ``Out(1)``
        Pulses: reset the network, see :class:`qblif.hw.bus.frame_input.FrameInput`; zero counters.
    armed : ``Out(1)``
        Frames are accepted.
    busy, dropping : ``In(1)``, errors : ``In(4)``
        For STATUS; ``errors`` are pulses.
    load : ``Out(LoadWord(...))``, load_valid, readback : ``Out(1)``, readback_data : ``In``
        See :class:`qblif.hw.core.network.NetworkCore`.
    frames, refused, cycles, events_SOURCE_TARGET, words_SOURCE_TARGET : ``In(32)``
        The counters, in lower case.

    Raises :class:`ValueError` where the table cannot be made.
    """

    def __init__(self, layout, *, armed=False, readback=False):
        self.layout = layout
        self.can_read_back = readback
        self.registers = register_map(layout, readback)
        self.counters = [r.name for r in self.registers if r.name.startswith(COUNTERS)]
        self.parts = data_parts(layout)
        extents = [stage.load_extent for stage in layout.stages]
        self.depth, self.banks = (max(e[key] for e in extents) for key in ("depth", "banks"))
        word = load_word(layout)
        super().__init__({
            "access": In(Access()), "resetting": In(1), "restart": Out(1), "new_frame": Out(1),
            "clear": Out(1), "armed": Out(1, init=armed), "busy": In(1), "dropping": In(1),
            "errors": In(len(ERRORS)), "load": Out(word), "load_valid": Out(1),
            "readback": Out(1), "readback_data": In(word["data"].shape),
        } | {name.lower(): In(32) for name in self.counters})

    def elaborate(self, platform):
        m = Module()
        access = self.access
        # One bit more than needed: -1 where there were too many words.
        words = self.layout.load_words
        self.missing = Signal(words.bit_length() + 1, init=words)
        self.address = Signal(range(self.depth + 1))  # One behind the last, when all are written.
        self.data = Signal(32 * self.parts)
        wait = Signal(range(NETWORK_READBACK_LATENCY + 1))
        m.d.comb += [self.load.address.eq(self.address), self.load.data.eq(self.data)]
        m.d.sync += [pulse.eq(0) for pulse in (
            self.load_valid, self.restart, self.new_frame, self.clear)]
        with m.If(self.load_valid):
            m.d.sync += [self.address.eq(self.address + 1),
                         self.missing.eq(self.missing - ~self.missing.all())]
        values = self.values(m)
        with m.FSM():
            with m.State("IDLE"):
                with m.If(access.valid & ~self.resetting):
                    m.d.sync += access.error.eq(1)  # Unless a register takes it.
                    m.next = "DONE"
                    with m.If(~access.write):
                        self.read(m, values)
                    with m.Elif(access.whole):
                        self.write(m)
            if self.can_read_back:
                with m.State("READ_BACK"):
                    m.d.comb += self.readback.eq(1)
                    m.d.sync += wait.eq(wait + 1)
                    with m.If(wait == NETWORK_READBACK_LATENCY):
                        m.d.sync += [wait.eq(0), access.data_r.eq(self.part_read())]
                        m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += access.done.eq(1)
                m.next = "IDLE"
        return m

    def read(self, m, values):
        """Take the one of ``values`` that is addressed."""
        access = self.access
        with m.Switch(access.address):
            for register in self.registers:
                with m.Case(register.offset >> 2):
                    if register.name in values:
                        m.d.sync += access.error.eq(0)
                    elif register.access == "rw":
                        with m.If(~self.armed):
                            m.d.sync += access.error.eq(0)
                            m.next = "READ_BACK"
        places = {register.offset >> 2: values[register.name] for register in self.registers
                  if register.name in values}
        # Whatever takes the fewest LUTs, where there is no register.
        rows = [places.get(k, C(0, 32)) for k in range(max(places) + 1)]
        m.d.sync += access.data_r.eq(tree(rows, access.address))

    def part_read(self):
        """The part that is addressed of the word that is read back."""
        data = Cat(self.readback_data, C(0, 32 * self.parts - len(self.readback_data)))
        first = FIRST_DATA >> 2
        index = self.access.address[:max(1, (self.parts - 1).bit_length())]
        assert first % (1 << len(index)) == 0
        return data.word_select(index, 32)

    def write(self, m):
        """Do what is addressed."""
        access, place = self.access, by_name(self.registers)
        value = access.data_w
        with m.Switch(access.address):
            with m.Case(CONTROL.offset >> 2):
                self.act(m)
            with m.Case(place["LOAD_PLACE"] >> 2):
                stage, bank = value[:16], value[16:]
                with m.If(below(stage, len(self.layout.stages)) & below(bank, self.banks)):
                    m.d.sync += [access.error.eq(0), self.load.stage.eq(stage),
                                 self.load.bank.eq(bank)]
            with m.Case(place["LOAD_ADDRESS"] >> 2):
                with m.If(value[len(self.address):] == 0):
                    m.d.sync += [access.error.eq(0), self.address.eq(value)]
            for part in range(self.parts):
                with m.Case((FIRST_DATA >> 2) + part):
                    with m.If(~self.armed & below(self.address, self.depth)):
                        m.d.sync += [access.error.eq(0), self.load_valid.eq(part == 0),
                                     self.data.word_select(part, 32).eq(value)]

    def act(self, m):
        """CONTROL: all that is asked for, or nothing."""
        reset, clear, load, arm, new_frame = (
            self.access.data_w[field.low] for field in CONTROL.fields)
        complete = self.missing == 0
        with m.If(~arm | complete & ~load):
            m.d.sync += [self.restart.eq(reset | load), self.new_frame.eq(new_frame),
                         self.clear.eq(reset | load | clear), self.access.error.eq(0),
                         self.armed.eq(self.armed & ~load | arm)]
            with m.If(load):
                m.d.sync += self.missing.eq(self.layout.load_words)

    def values(self, m):
        """What there is to read, by the register's name."""
        errors = Signal(len(ERRORS))
        m.d.sync += errors.eq(Mux(self.clear, 0, errors | self.errors))
        bits = {"ARMED": self.armed, "BUSY": self.busy, "DROPPING": self.dropping} | {
            name: errors[k] for k, name in enumerate(ERRORS)}
        places = {field.low: bits[field.name] for field in STATUS.fields}
        status = Cat(places.get(k, C(0, 1)) for k in range(32))
        missing = Mux(self.missing.all(), C(-1, 32), self.missing)
        constants = {"ID": ID, "VERSION": VERSION, "LOAD_WORDS": self.layout.load_words,
                     "SYNAPSES": len(self.layout.synapses)}
        for name, digest in (("NETWORK", self.layout.spec.digest), ("LAYOUT", self.layout.digest)):
            constants |= {f"{name}_HIGH": int(digest[:8], 16), f"{name}_LOW": int(digest[8:], 16)}
        return {name: C(value, 32) for name, value in constants.items()} | {
            "STATUS": status, "MISSING": missing} | {
            name: getattr(self, name.lower()) for name in self.counters}


def below(value, limit):
    """Whether a value is below a constant; its upper bits need no adder."""
    bits = limit.bit_length()
    return (value[:bits] < limit) & ~value[bits:].any()
