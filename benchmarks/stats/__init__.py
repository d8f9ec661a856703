"""Do the statistics of experiments keep their word? Simulated experiments, looked at every day."""
