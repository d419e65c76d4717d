"""The board as a few lines of Python: same protocol, no clock.  For tests of the host.

Its gateware twin is :mod:`qblif.hw.link.processor`; tests hold both to the same sequences of
requests.
"""

import numpy as np
from cobs import cobs

from ..golden import integer
from ..hw.layout.memory_image import load_writes
from ..hw.link import protocol
from ..hw.link.plan_registers import plan_registers
from ..hw.link.protocol import Command, Register, State, Status

__all__ = ["BoardModel"]


class BoardModel:
    """A board, as a serial port that never waits.

    Parameters
    ----------
    networks : :class:`qblif.golden.spec.artifact.Trained` of one description, whose weights it may
    run
    layout : :class:`qblif.hw.layout.compile.Layout`
    scores : a dictionary for the scores of frames, which several boards may share
    damage : ``damage(data, to_board)`` returns what arrives of ``data``; ``None`` damages nothing

    ``runs`` counts the frames that were run, ``wrong_runs`` those whose memories held none of
    ``networks``, which must not be.
    """

    def __init__(self, networks, layout, damage=None, clock_hz=1_000_000, scores=None):
        self.spec, self.layout, self.clock_hz = networks[0].spec, layout, clock_hz
        self.networks = [(network, {write[:3]: write.data for write in load_writes(
            network, layout)}) for network in networks]
        self.words = len(self.networks[0][1])
        self.damage = damage or (lambda data, to_board: data)
        self.memory, self.known = {}, {} if scores is None else scores
        self.line_in = self.line_out = b""
        self.runs = self.wrong_runs = 0
        self.reset()

    def reset(self):
        """What a reset button does: all but the memories."""
        self.state, self.last, self.status = State.DISARMED, b"", Status.OK
        self.written = self.checksum = self.loaded = 0
        self.scores = [0] * self.spec.populations[-1].size
        self.events = None

    @property
    def label(self):
        return self.scores.index(max(self.scores))

    def write(self, data):
        self.line_in += self.damage(data, True)
        *frames, self.line_in = self.line_in.split(b"\0")
        for frame in frames:
            try:
                request = protocol.unpack_checked(cobs.decode(frame))
            except cobs.DecodeError:
                continue
            if request and len(request) <= protocol.MAX_PAYLOAD:
                self._answer(request)

    def read(self, count=1):
        found, self.line_out = self.line_out[:count], self.line_out[count:]
        return found

    @property
    def in_waiting(self):
        return len(self.line_out)

    def _answer(self, request):
        head, rest, body = request[:2], request[2:], b""
        again, values = head == self.last and head[1:] != bytes([Command.READ]), {}
        if head[1:] in map(bytes, zip(Command, strict=True)):
            for name, size in protocol.ARGUMENTS[Command(head[1])]:
                values[name], rest = int.from_bytes(rest[:size], "little"), rest[size:]
            again |= self._lacks_one_before(head, values)
            if again:
                head = self.last[:1] + head[1:]
            else:
                act = getattr(self, f"_{Command(head[1]).name.lower()}")
                self.status = act(rest, request[2:], **values)
            self.last = head
            if self.status == Status.OK:
                body = self._body(Command(head[1]), values)
        else:
            self.status, self.last = Status.MALFORMED, head
        answer = head + bytes([self.status]) + body
        self.line_out += self.damage(
            cobs.encode(answer + protocol.crc(answer).to_bytes(2, "big")) + b"\0", False)

    def _lacks_one_before(self, head, values):
        """Whether a request continues a load or a frame and is not the next."""
        continues = (head[1] == Command.WRITE and self.state == State.LOADING
                     or head[1] == Command.RUN and self.state == State.ARMED
                     and not values["flags"] & protocol.RUN_FIRST)
        return continues and head[0] != (self.last[0] + 1) % 256

    def _body(self, command, values):
        if command is Command.RUN and values["flags"] & protocol.RUN_LAST:
            return self.label.to_bytes(4, "little") + bytes([1, 0, 0, 0])
        if command is not Command.READ:
            return b""
        return b"".join(
            self._word(values["space"], values["bank"], values["address"] + k).to_bytes(
                values["size"], "little") for k in range(values["count"]))

    def _word(self, space, bank, address):
        if space == protocol.SCORES_SPACE:
            return self.scores[address % len(self.scores)] & 0xFFFFFFFF
        if space != protocol.REGISTERS_SPACE:
            return self.memory.get((space, bank, address), 0)
        digest, layout = int(self.spec.digest, 16), int(self.layout.digest, 16)
        synapses = [plan_registers(self.layout, stage, engine)
                    for stage, engine, _ in self.layout.synapses]
        found = {Register.MAGIC: protocol.MAGIC, Register.VERSION: protocol.VERSION,
                 Register.DIGEST_LOW: digest & 0xFFFFFFFF, Register.DIGEST_HIGH: digest >> 32,
                 Register.CLOCK_HZ: self.clock_hz, Register.SYNAPSES: len(synapses),
                 Register.WORDS: self.words, Register.LEVELS: 0, Register.STATE: self.state,
                 Register.LABEL: self.label, Register.CYCLES: 1, Register.CHECKSUM: self.loaded,
                 Register.LAYOUT_LOW: layout & 0xFFFFFFFF, Register.LAYOUT_HIGH: layout >> 32,
                 Register.ROOM: protocol.ROOM}
        for k, registers in enumerate(synapses):
            found |= {protocol.synapse_register(k, register): value
                      for register, value in registers.items()}
        return found.get(address, 0)

    def _read(self, rest, request, **place):
        return Status.OK

    def _begin(self, rest, request):
        self.state, self.written, self.checksum, self.events = State.LOADING, 0, 0, None
        return Status.OK

    def _write(self, rest, request, space, bank, address, size):
        if self.state != State.LOADING:
            return Status.NOT_LOADING
        self.checksum = protocol.checksum(request, self.checksum)
        for k in range(len(rest) // size):
            self.memory[space, bank, address + k] = int.from_bytes(
                rest[k * size:(k + 1) * size], "little")
            self.written += 1
        return Status.OK

    def _end(self, rest, request, words, checksum):
        if self.state != State.LOADING:
            return Status.NOT_LOADING
        self.state = State.DISARMED
        if not words == self.written == self.words:
            return Status.INCOMPLETE
        if checksum != self.checksum:
            return Status.CHECKSUM
        self.state, self.loaded = State.ARMED, checksum
        return Status.OK

    def _run(self, rest, request, flags):
        if self.state != State.ARMED:
            return Status.DISARMED
        if flags & protocol.RUN_FIRST:
            self.events = b""
        elif self.events is None:
            return Status.ORDER
        self.events += rest
        if flags & protocol.RUN_LAST:
            dense = bool(flags & protocol.RUN_DENSE)
            self.scores, self.events = self._classify(self.events, dense), None
        return Status.OK

    def _reset(self, rest, request):
        self.state, self.events = State.DISARMED, None
        return Status.OK

    def _classify(self, events, dense):
        """The scores of a frame, by whatever network is in the memories."""
        self.runs += 1
        held = [network for network, memory in self.networks if memory == self.memory]
        if not held:
            self.wrong_runs += 1
            return [0] * self.spec.populations[-1].size
        key = id(held[0]), events, dense
        if key not in self.known:
            frame = (_unpack_dense if dense else _unpack)(events, self.layout.input)
            self.known[key] = integer.run(held[0], frame[None]).scores[0].tolist()
        return self.known[key]


def _unpack(events, layout):
    """The frame that :func:`qblif.hw.link.protocol.pack_events` packed."""
    bits, size = protocol.level_bits(layout.source.n_max), layout.address_space
    steps, levels = [], []
    for byte in events:
        if byte == 0:
            steps.append(levels + [0] * (size - len(levels)))
            levels = []
            continue
        levels += [0] * (byte >> bits)
        levels += [byte & (1 << bits) - 1] * bool(byte & (1 << bits) - 1)
    return layout.by_neuron(np.array(steps))


def _unpack_dense(data, layout):
    """The frame that :func:`qblif.hw.link.protocol.pack_dense` packed."""
    bits, size = protocol.level_bits(layout.source.n_max), layout.address_space
    row = -(-size // (8 // bits))
    steps = [[byte >> bits * j & (1 << bits) - 1 for byte in data[k:k + row]
              for j in range(8 // bits)][:size] for k in range(0, len(data), row)]
    return layout.by_neuron(np.array(steps))
