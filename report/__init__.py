"""A network and everything that was measured of it, as one page."""
