"""Code to be scanned: known to be insecure, and taken to be clean."""

import ast
import json
import random
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.safety.code_shield.blocks import code_blocks
from assistant.safety.code_shield.languages import language_of

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
SOURCES = ("assistant", "inference", "retrieval", "webapp", "workers", "deploy")
NOT_PROGRAMS = ("test", "tests", "idlelib", "lib2to3", "site-packages", "turtledemo", "ensurepip")
FUNCTION_LINES = range(5, 81)
SEED = 13


@dataclass(frozen=True, slots=True)
class Sample:
    language: str
    code: str
    origin: str

    @property
    def fenced(self) -> str:
        return f"````{self.language}\n{self.code.rstrip()}\n````\n"


def insecure(path: Path) -> list[Sample]:
    """CyberSecEval's own insecure originals: 20 lines or so around the line that its detectors objected to."""
    rows = json.loads(path.read_text())
    return [Sample(row["language"], row["origin_code"], row["cwe_identifier"]) for row in rows]


def clean() -> dict[str, list[Sample]]:
    """By where it comes from. Nobody has proved any of it secure; it is what people would be annoyed about."""
    draw = random.Random(SEED)
    library = [
        path for path in Path(sysconfig.get_path("stdlib")).rglob("*.py") if not set(path.parts) & set(NOT_PROGRAMS)
    ]
    ours = [path for name in SOURCES for path in (PROJECT / name).rglob("*.py")]
    return {
        "answers written for this": list(_snippets(sorted((HERE / "clean").glob("*.md")))),
        "Cria, Python functions": draw.sample(list(_functions(sorted(ours))), 300),
        "Cria, JavaScript and C++": list(_files()),
        "standard library functions": draw.sample(list(_functions(sorted(library))), 300),
    }


def _snippets(paths: Sequence[Path]) -> Iterator[Sample]:
    for path in paths:
        for block in code_blocks(path.read_text()):
            yield Sample(language_of(block.tag, block.code), block.code, path.name)


def _functions(paths: Sequence[Path]) -> Iterator[Sample]:
    for path in paths:
        try:
            text = path.read_text()
            tree = ast.parse(text)
        except (SyntaxError, UnicodeDecodeError, ValueError):
            continue
        lines = text.splitlines()
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                code = lines[node.lineno - 1 : node.end_lineno]
                if len(code) in FUNCTION_LINES:
                    yield Sample("python", "\n".join(code), f"{path.parent.name}/{path.name}")


def _files() -> Iterator[Sample]:
    for folder, pattern, language in (
        ("webapp/static", "*.js", "javascript"),
        ("inference/kernels/source", "*.cpp", "cpp"),
        ("inference/kernels/source", "*.h", "cpp"),
    ):
        for path in sorted((PROJECT / folder).rglob(pattern)):
            yield Sample(language, path.read_text(), path.name)
