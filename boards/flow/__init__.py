"""From Verilog to a placed and routed design, with or without a board's pins."""
