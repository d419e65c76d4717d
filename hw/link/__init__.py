"""The host link in gateware: serial line, framing, command processor.  No torch."""
