"""What is true: the network description, the exact integer model, and training towards it."""
