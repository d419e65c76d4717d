"""What a network is: populations, synapses and the neuron's axes.  Standard library only.

The file format beside it, :mod:`qblif.golden.spec.artifact`, needs numpy and safetensors.
"""

from .axes import Decay, Neuron, Quadratic, Quantiser, Reset, Synaptic
from .network import Input, Network, Population
from .synapses import Conv2d, Dense, Synapse, as_map

__all__ = ["Conv2d", "Decay", "Dense", "Input", "Network", "Neuron", "Population", "Quadratic",
           "Quantiser", "Reset", "Synapse", "Synaptic", "as_map"]
