"""Code of which we know what has to be found in it. A scanner that finds nothing looks just like one that works.

Each language has to pass both kinds of rules or the parser's alone; what is found in the clean lines would be as wrong.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """`insecure_lines` are the lines, from 1, on which something is found, and no others."""

    language: str
    code: str
    insecure_lines: frozenset[int]


CANARIES: Final = (
    Canary(
        language="python",
        code="import hashlib, subprocess\nprint(sum([1, 2]))\nsubprocess.run(name, shell=True)\nhashlib.md5(name)\n",
        insecure_lines=frozenset({3, 4}),
    ),
    Canary(
        language="javascript",
        code="const total = [1, 2].length;\neval(total + name);\n",
        insecure_lines=frozenset({2}),
    ),
    Canary(
        language="c",
        code='void f(char *s) {\n  char b[8];\n  sprintf(b, "%s", s);\n  gets(b);\n  puts(b);\n}\n',
        insecure_lines=frozenset({3, 4}),
    ),
    Canary(
        language="python",
        code="import json, subprocess\n\nprint(json.loads(text))\nsubprocess.run(['ls', '-l'], check=True)\n",
        insecure_lines=frozenset(),
    ),
)
