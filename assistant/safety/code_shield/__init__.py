"""Code Shield: code in an answer is looked through for insecure patterns before somebody pastes it somewhere.

    text ─▶ blocks ─▶ patterns (in this process) ┬▶ report
                  └─▶ semgrep (one call)         ┘

report.py      what a scan says
blocks.py      the code of an answer, as the renderer shows it
languages.py   which language a block is in
rules.py       the rules of the package `codeshield`, read as data
fragments.py   pieces of programs, made readable to a parser
patterns.py    rules that are regular expressions
semgrep.py     rules that need a parser: one call of semgrep-core in a folder that is removed
advice.py      what to do instead, in plain words
canary.py      code that is known to be insecure must be found, else nothing is called clean
shield.py      puts these together, and remembers what it has seen
"""
