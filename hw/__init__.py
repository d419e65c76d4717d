"""Amaranth generators: neuron, synapses, populations, whole networks; no torch."""
