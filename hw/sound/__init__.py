"""The sound front end: samples in, bursts out."""
