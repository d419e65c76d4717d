"""The words that load a network's weights and biases into the memories of its layout."""

from typing import NamedTuple

__all__ = ["LoadWrite", "load_writes"]


class LoadWrite(NamedTuple):
    """One write at the load port, see :class:`qblif.hw.core.payloads.LoadWord`."""

    stage: int
    bank: int
    address: int
    data: int


def load_writes(trained, layout):
    """The writes that load ``trained`` into hardware of this
    :class:`~qblif.hw.layout.compile.Layout`, in the order in which they are sent."""
    for stage in layout.stages:
        image = stage.memory_image(trained)
        weights = [bank for bank in image if stage.load_banks[bank].kind == "weights"]
        for bank in weights:
            for address, data in enumerate(image[bank]):
                yield LoadWrite(stage.index, bank, address, data)
        biases = [bank for bank in image if bank not in weights]
        for address in range(max((len(image[bank]) for bank in biases), default=0)):
            for bank in biases:
                if address < len(image[bank]):
                    yield LoadWrite(stage.index, bank, address, image[bank][address])
