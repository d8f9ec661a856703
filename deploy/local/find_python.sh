#!/bin/sh
# Prints the Python to set Cria up with, or says in one sentence why there is none.
# Python 3.11 comes first: constraints.txt was resolved with it. A Python that cannot make virtual environments comes last.

supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'
version='import sys; print("Python %d.%d.%d" % sys.version_info[:3])'

runs() { "$1" -c "$2" >/dev/null 2>&1; }

if [ -n "$PYTHON" ]; then
    runs "$PYTHON" "$supported" && command -v "$PYTHON" && exit 0
    found=$("$PYTHON" -c "$version" 2>/dev/null || echo "not a Python that runs")
    echo "Cria needs Python 3.11, 3.12 or 3.13, and PYTHON=$PYTHON is $found: name another one." >&2
    exit 1
fi

for modules in "import venv, ensurepip" ""; do
    for candidate in python3.11 python3.12 python3.13 python3; do
        runs "$candidate" "$supported" && runs "$candidate" "$modules" && command -v "$candidate" && exit 0
    done
done

if runs python3 "$version"; then
    found="the only one here is $(python3 -c "$version")"
else
    found="there is none here"
fi
echo "Cria needs Python 3.11, 3.12 or 3.13, and $found: install one with your package manager" \
    "(on Debian or Ubuntu: apt install python3 python3-venv) or name it with make run PYTHON=/path/to/python3.11." >&2
exit 1
