"""Accumulators of a map, where an event may go to any few of the words."""

from amaranth import *
from amaranth.lib import data, memory

from ..layout.latency import SUMS_READ_LATENCY
from .accumulators import Accumulators, select, tree
from .lanes import Lanes
from .payloads import BLOCK_RAM, index_shape, pipe

__all__ = ["MapAccumulators"]


class MapAccumulators(Accumulators):
    """A map's accumulators in block RAM, one RAM for each of ``reach.banks`` buffers::

        t      issue                       r      read.en: RAM addressed
        t + 2  RAM addressed               r + 1  RAM output; 0 at the write port, as the word is
        t + 3  RAM output                         read for the last time
        t + 4  `old`, addends, `new`       r + 2  register behind the RAM
        t + 5  `value` at the write port   r + 3  one of 8 vectors each
        t + 6  in the RAM                  r + 4  sums

    Synapses and update passes go through the buffers in turn, each at its own pace; with a single
    buffer they alternate.  The update pass clears each word through the idle write port.
    Back-to-back hits on one word, up to three cycles apart, are bypassed.  A reset clears all.
    """

    read_latency = SUMS_READ_LATENCY["map"]

    def elaborate(self, platform):
        m = Module()
        self.check_reads(m, platform)
        issue = pipe(m, self.issue, Lanes.latency - 2, "issue", reset=True)
        added = pipe(m, issue, 2, "added", reset=True)
        written = pipe(m, added, 1, "written", reset=True)
        banks = self.reach.banks
        bank = next_bank(m, banks, issue.end, "bank")  # The synapses add in it.
        m.d.sync += self.complete.eq(added.end)
        bank_added = pipe(m, bank, 2, "bank_added", reset=True)
        bank_written = pipe(m, bank_added, 1, "bank_written", reset=True)

        def adds(k, stage, at):
            """Whether bank ``k`` is the synapses' at a stage of the pipeline."""
            return at == k if banks > 1 else stage.valid

        # Update pass: the word that it has read for the last time is cleared.
        read_word, part, spent = self.read_address(m)
        pass_spent = self.read.en & self.read.pass_last & self.last_read
        read_all = pipe(m, pass_spent, self.lag, "read_all", reset=True)
        bank_read = next_bank(m, banks, read_all, "bank_read")
        clear = pipe(m, spent, 1, "clear", reset=True)
        bank_clear = pipe(m, bank_read, 1, "bank_clear", reset=True)
        clear_word = Mux(self.clearing, self.start_over(m), pipe(m, read_word, 1, "read_word"))

        word = data.ArrayLayout(signed(self.sum_width), self.lanes)
        new = Signal(word)
        reads = []
        for k in range(banks):
            # A word may be read in the cycle in which it is written: its sum is then bypassed.
            m.submodules[f"bank_{k}"] = sums = memory.Memory(
                shape=unsigned(self.lanes * self.sum_width), depth=max(2, self.words), init=[],
                attrs=BLOCK_RAM)
            read, write = sums.read_port(), sums.write_port()
            m.d.comb += read.addr.eq(Mux(adds(k, issue, bank), issue.word, read_word))
            reads.append(pipe(m, read.data, 1, f"old_{k}"))

            adding = adds(k, written, bank_written) & ~self.clearing
            value = Signal(word, name=f"value_{k}")  # 0 where it does not add.
            with m.If(adds(k, added, bank_added) & ~self.clearing):
                m.d.sync += value.eq(new)
            with m.Else():
                m.d.sync += value.eq(0)
            m.d.comb += [write.en.eq(Mux(adding, written.valid,
                                         clear & (bank_clear == k) | self.clearing)),
                         write.addr.eq(Mux(adding, written.word, clear_word)),
                         write.data.eq(value)]

        old = word(tree(reads, bank_added))
        if self.reach.returns_soon:
            old = self.bypass(m, issue, bank, new, old)
        m.d.comb += [new[k].eq(self.add(old[k], self.addends[k])) for k in range(self.lanes)]

        parts = self.parts(tree(reads, pipe(m, bank_read, 2, "bank_out")))
        m.d.comb += self.sums.eq(select(m, parts, pipe(m, part, 2, "part"), "chosen"))
        return m

    def start_over(self, m):
        """After a reset, all words one after the other."""
        word, done = Signal.like(self.issue.word), Signal()
        m.d.comb += self.clearing.eq(~done)
        with m.If(~done):
            m.d.sync += [word.eq(word + 1), done.eq(word == self.words - 1)]
        return word

    def bypass(self, m, issue, bank, new, old):
        """The newest sum of a word, which may be in the RAM only one, two or three cycles later."""
        address = Cat(issue.word, bank)
        earlier, hits = Cat(address, issue.valid), []
        for cycle in range(1, 4):
            earlier = pipe(m, earlier, 1, f"earlier_{cycle}", reset=True)
            hits.append((earlier[:-1] == address) & earlier[-1])
        hit1 = pipe(m, hits[0], 2, "hit1")
        hit2_or_3 = pipe(m, pipe(m, hits[1] | hits[2], 1, "hit2_or_3"), 1, "hit2_or_3_added")
        new1 = pipe(m, new.as_value(), 1, "new1")  # As many cycles ago.
        new2 = pipe(m, new1, 1, "new2")
        new2_or_3 = pipe(m, Mux(pipe(m, hits[1], 1, "hit2"), new1, new2), 1, "new2_or_3")
        return new.shape()(Mux(hit1, new1, Mux(hit2_or_3, new2_or_3, old.as_value())))


def next_bank(m, banks, step, name):
    """Number of a buffer; ``step`` goes on to the next."""
    bank = Signal(index_shape(banks), name=name)
    with m.If(step):
        m.d.sync += bank.eq(Mux(bank == banks - 1, 0, bank + 1))
    return bank
