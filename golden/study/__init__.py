"""What a trained network does: information, energy, burst capacity, ablations."""
