"""The compiled layout of a network on hardware, in plain numbers: neither torch nor Amaranth."""
