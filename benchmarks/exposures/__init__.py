"""How long the sums of an experiment with ten million people take on PostgreSQL. See `__main__`."""
