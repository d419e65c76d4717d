"""The host's side of the link: neither torch nor Amaranth."""
