"""A network behind the standard buses of a system-on-chip.  No torch."""
