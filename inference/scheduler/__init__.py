"""Which tokens of which sequences are computed in the next step: scheduler.py; whose turn it is: fairness.py."""
