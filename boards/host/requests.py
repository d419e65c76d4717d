"""The requests that load a network into a board, and their checksum."""

from ...hw.layout.memory_image import load_writes
from ...hw.link.protocol import (
    MAX_PAYLOAD,
    Command,
    argument_bytes,
    checksum,
    pack_request,
    row_bytes,
)

__all__ = ["load_checksum", "load_requests"]


def load_requests(trained, layout):
    """The requests of a load onto hardware of this :class:`~qblif.hw.layout.compile.Layout`:
    ``(place, data)`` for consecutive words of one bank."""
    room = MAX_PAYLOAD - 2 - argument_bytes(Command.WRITE)
    place, data = None, b""
    for write in load_writes(trained, layout):
        size = row_bytes(layout.stages[write.stage].load_banks[write.bank].width)
        following = place and place | {"address": place["address"] + len(data) // size}
        here = {"space": write.stage, "bank": write.bank, "address": write.address, "size": size}
        if here != following or len(data) + size > room:
            if data:
                yield place, data
            place, data = here, b""
        data += write.data.to_bytes(size, "little")
    yield place, data


def load_checksum(runs):
    """The board's checksum of these writes."""
    state = 0
    for place, data in runs:
        state = checksum(pack_request(0, Command.WRITE, data, **place)[2:], state)
    return state
