"""Choosing the next token: what a request asks for, what its grammar allows, what its reply has already said.

params.py, choice.py   what is asked for, what is answered; no torch in here
chooser.py             one TokenChooser per sequence: logits in, token out
penalties.py           repetition, presence and frequency; repetition.py, phrases that come back
truncation.py          top-k, top-p, min-p, typical
drawing.py, noise.py   one token out of those left; noise that is a function of (seed, position, token)
logprobs.py            log probabilities as they are reported
grammars.py            grammars bound to a vocabulary, and where a reply stands in one
compiler.py            specs to grammars: bounded, tried out in a child process (rehearsal.py), kept
"""
