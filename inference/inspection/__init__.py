"""What is in a checkpoint, whether it fits here, and how fast it can be: `python -m inference inspect MODEL`.

contents.py   what the files say, by groups of tensors
machine.py    this machine: free memory and the rate at which it reads
fit.py        bytes a model needs and bytes a token costs, for this checkpoint and for the Llama 3 sizes
__main__.py   the command and its two forms, text and JSON
"""
