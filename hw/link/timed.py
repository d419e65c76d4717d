"""A live stream in the protocol: its items, its classes, and which networks take one.  Standard
library only, as :mod:`qblif.hw.link.protocol`."""

__all__ = ["IDLE_ADDRESS", "IDLE_UNIT", "RESULTS", "RESULT_LABEL_BITS", "STREAM_STATE",
           "TIMED_ADDRESS_BITS", "pack_timed", "streamable"]

# Of a live stream: how many of the latest classes are kept, the bits of a class, and the addresses
# behind them of how many classes there were, events beyond N_max, and cycles in which events waited
# for the end of a timestep.
RESULTS, RESULT_LABEL_BITS = 256, 12
STREAM_STATE = RESULTS

# An item of a live stream: four bytes, the address below and above it the microseconds since the
# item before.  The two highest addresses are no events: time passes, in units of 1 us and, with the
# lowest bit set, of 2**IDLE_UNIT us.
TIMED_ADDRESS_BITS = 20
IDLE_ADDRESS, IDLE_UNIT = (1 << TIMED_ADDRESS_BITS) - 2, 12


def streamable(network, input_format):
    """Whether a network takes its input timestep by timestep, as a live stream brings it, and has
    addresses and classes that the protocol can express.  ``input_format`` is its
    :class:`qblif.hw.layout.input_stream.InputFormat`."""
    return (not network.input.static and input_format.ends == network.timesteps
            and input_format.address_space < 1 << TIMED_ADDRESS_BITS - 1
            and network.populations[-1].size <= 1 << RESULT_LABEL_BITS)


def pack_timed(items):
    """Bytes of a live stream: ``items`` are ``(microseconds since the one before, address)``, the
    address ``None`` where only time passes."""
    most, words = (1 << 32 - TIMED_ADDRESS_BITS) - 1, []
    for delta, address in items:
        units, delta = divmod(delta, 1 << IDLE_UNIT)
        while units:
            words.append((min(units, most), IDLE_ADDRESS + 1))
            units -= words[-1][0]
        if address is not None or delta:
            words.append((delta, IDLE_ADDRESS if address is None else address))
    return b"".join((time << TIMED_ADDRESS_BITS | address).to_bytes(4, "little")
                    for time, address in words)
