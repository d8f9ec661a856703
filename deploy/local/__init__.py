"""`make run` and `make test`: from a fresh clone to five running processes, with one command.

find_python.sh   which Python
bootstrap.py     virtual environment and packages      standard library only, as what follows is not there yet
models.py        the bundled model files, checked by hash
code_shield.py   Code Shield's rules and analyser
launch.py        the five processes: start, wait until each is ready, stop
"""
