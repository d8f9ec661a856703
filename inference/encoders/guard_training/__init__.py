"""How the embedded guard's classifier is trained: its texts, the fit, and the figures. Not needed to run it."""
