"""The datapath: neurons, synapses, populations and whole networks in Amaranth."""
