"""Weights as logic: a network in which every weight is wires and adders, and a frame takes a clock."""
