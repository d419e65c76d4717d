"""Weights as logic: every weight is wires and adders, and a frame takes a clock."""
