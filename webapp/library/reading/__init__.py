"""The text of a file that a person adds. Files come from anywhere and may be made to hurt: what reads them runs in a
process of its own, with an end to its time and memory (`child`), and knows nothing of Django or of people."""
