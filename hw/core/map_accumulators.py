"""Accumulators of a map, where an event may start anywhere and reaches few of them."""

from amaranth import *
from amaranth.lib import data, memory

from ..layout.latency import SUMS_READ_LATENCY
from .accumulators import Accumulators, select, tree
from .lanes import Lanes
from .payloads import BLOCK_RAM, index_shape, pipe

__all__ = ["MapAccumulators"]


class MapAccumulators(Accumulators):
    """A map's sums in block RAM.

    Synapses and fire passes go through the banks one after the other, each at its own pace; with
    one bank they take turns.  The fire pass leaves zeros behind, through the write port that rests.
    Where words may come again before they are written, what is under way is passed forward.  A
    reset clears all.
    """

    read_latency = SUMS_READ_LATENCY["map"]

    def elaborate(self, platform):
        m = Module()
        issue = pipe(m, self.issue, Lanes.latency - 2, "issue", reset=True)
        added = pipe(m, issue, 2, "added", reset=True)
        written = pipe(m, added, 1, "written", reset=True)
        banks = self.reach.banks
        bank = next_bank(m, banks, issue.end, "bank")  # In which the synapses add.
        m.d.sync += self.ready.eq(added.end)
        bank_added = pipe(m, bank, 2, "bank_added", reset=True)
        bank_written = pipe(m, bank_added, 1, "bank_written", reset=True)

        def adds(k, stage, at):
            """Whether bank ``k`` is the synapses' at a stage of the pipeline."""
            return at == k if banks > 1 else stage.valid

        # Fire pass: the word that it has left is cleared.
        fired, part, used = self.sweep(m)
        read_all = pipe(m, self.next & self.restart & self.last_use, self.lag, "read_all",
                        reset=True)
        bank_fired = next_bank(m, banks, read_all, "bank_fired")
        left = pipe(m, used, 1, "left", reset=True)
        bank_left = pipe(m, bank_fired, 1, "bank_left", reset=True)
        clear_word = Mux(self.clearing, self.start_over(m), pipe(m, fired, 1, "fired"))

        word = data.ArrayLayout(signed(self.sum_width), self.lanes)
        new = Signal(word)
        reads = []
        for k in range(banks):
            # Never read where it is written but for what is passed forward.
            m.submodules[f"bank_{k}"] = sums = memory.Memory(
                shape=unsigned(self.lanes * self.sum_width), depth=max(2, self.words), init=[],
                attrs=BLOCK_RAM)
            read, write = sums.read_port(), sums.write_port()
            m.d.comb += read.addr.eq(Mux(adds(k, issue, bank), issue.word, fired))
            reads.append(pipe(m, read.data, 1, f"old_{k}"))

            adding = adds(k, written, bank_written) & ~self.clearing
            value = Signal(word, name=f"value_{k}")  # 0 where it does not add.
            with m.If(adds(k, added, bank_added) & ~self.clearing):
                m.d.sync += value.eq(new)
            with m.Else():
                m.d.sync += value.eq(0)
            m.d.comb += [write.en.eq(Mux(adding, written.valid,
                                         left & (bank_left == k) | self.clearing)),
                         write.addr.eq(Mux(adding, written.word, clear_word)),
                         write.data.eq(value)]

        old = word(tree(reads, bank_added))
        if self.reach.returns_soon:
            old = self.forward(m, issue, bank, new, old)
        m.d.comb += [new[k].eq(self.add(old[k], self.addends[k])) for k in range(self.lanes)]

        parts = self.parts(tree(reads, pipe(m, bank_fired, 2, "bank_read")))
        m.d.comb += self.sums.eq(select(m, parts, pipe(m, part, 2, "part"), "chosen"))
        return m

    def start_over(self, m):
        """After a reset, all words one after the other."""
        word, done = Signal.like(self.issue.word), Signal()
        m.d.comb += self.clearing.eq(~done)
        with m.If(~done):
            m.d.sync += [word.eq(word + 1), done.eq(word == self.words - 1)]
        return word

    def forward(self, m, issue, bank, new, old):
        """The newest value of a word, which may be one, two or three cycles from being written."""
        here = Cat(issue.word, bank)
        before, hits = Cat(here, issue.valid), []
        for cycle in range(1, 4):
            before = pipe(m, before, 1, f"before_{cycle}", reset=True)
            hits.append((before[:-1] == here) & before[-1])
        newest = pipe(m, new.as_value(), 1, "newest")
        newer = pipe(m, newest, 1, "newer")
        one = pipe(m, hits[0], 2, "one")
        later = pipe(m, pipe(m, hits[1] | hits[2], 1, "later"), 1, "later_added")
        passed = pipe(m, Mux(pipe(m, hits[1], 1, "two"), newest, newer), 1, "passed")
        return new.shape()(Mux(one, newest, Mux(later, passed, old.as_value())))


def next_bank(m, banks, step, name):
    """A counter of banks, moved on by the pulse ``step``."""
    bank = Signal(index_shape(banks), name=name)
    with m.If(step):
        m.d.sync += bank.eq(Mux(bank == banks - 1, 0, bank + 1))
    return bank
