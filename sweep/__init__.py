"""Sweeps over networks and hardware: a grid or a sampler, in processes and hosts of any number."""
