"""The library's door: a few typed names over everything that the wings do.

``import qblif`` gives these names; each imports what it needs when it is used.
"""

from ..boards.host.host import Host
from ..golden.spec.artifact import Trained
from ..golden.spec.errors import QblifError
from .hardware import Fit, Hardware, compile
from .network import dataset, from_torch, load, networks, train

__all__ = ["Fit", "Hardware", "Host", "QblifError", "Trained", "compile", "dataset", "from_torch",
           "load", "networks", "train"]
