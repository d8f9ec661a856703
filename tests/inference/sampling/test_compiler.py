"""Specs come from clients: a bad one costs its sender an answer and everybody else nothing."""

import threading
import time
from collections.abc import Iterator

import pytest

from inference.sampling.compiler import MAX_CHARS, MAX_WAITING, CompilerBusy, GrammarCompiler
from inference.sampling.grammars import GrammarError
from inference.sampling.params import ANY_JSON_OBJECT, GrammarKind, GrammarSpec
from inference.text.tokenizer import Tokenizer
from tests.inference.sampling.grammar_cases import json_schema, regex

SPECIAL = {"<|end|>": 256}
BYTES = Tokenizer(name="bytes", pattern=r"[\s\S]", ranks={bytes([b]): b for b in range(256)}, special=SPECIAL)

# Each of these takes minutes, gigabytes or far too long for one token when it is simply compiled.
HOSTILE = [
    GrammarSpec(kind="lark", text="start: T\nT: /(.*a.{12}.*)/ & /(.*b.{13}.*)/ & ~/(.*c.{14}.*)/\n"),
    regex("((a{1000}){1000}){1000}"),
    json_schema('{"type": "integer", "multipleOf": 999983}'),
]


@pytest.fixture(scope="module")
def compiler() -> Iterator[GrammarCompiler]:
    compiler = GrammarCompiler(BYTES, vocab_size=300, stop_ids=[256])
    yield compiler
    compiler.close()


def test_a_good_spec_is_compiled_once(compiler: GrammarCompiler) -> None:
    spec = json_schema('{"type": "object", "properties": {"a": {"type": "integer"}}}')
    grammar = compiler.compile(spec)
    assert compiler.compile(json_schema(spec.text)) is grammar
    assert grammar.allows(list(b'{"a": 5}')) and not grammar.allows(list(b'{"a": x'))


def test_any_json_object_needs_no_rehearsal() -> None:
    """The commonest wish starts no process."""
    compiler = GrammarCompiler(BYTES, vocab_size=300, stop_ids=[256])
    assert compiler.compile(json_schema(ANY_JSON_OBJECT)).allows(list(b'{"x": [1, true]}'))
    assert compiler._rehearsal is None


def test_a_bad_spec_is_refused_with_its_reason_each_time(compiler: GrammarCompiler) -> None:
    for _ in range(2):
        with pytest.raises(GrammarError, match="Invalid type: objekt"):
            compiler.compile(json_schema('{"type": "objekt"}'))


@pytest.mark.parametrize("kind", list(MAX_CHARS))
def test_a_spec_is_bounded_in_length(compiler: GrammarCompiler, kind: GrammarKind) -> None:
    for text in ("", "a" * (MAX_CHARS[kind] + 1)):
        with pytest.raises(GrammarError, match="characters"):
            compiler.compile(GrammarSpec(kind=kind, text=text))


def test_a_grammar_cannot_name_special_tokens(compiler: GrammarCompiler) -> None:
    """Nor can one that stands beside another."""
    for text in ("start: <[256]>", "start: <|end|>"):
        spec = GrammarSpec(kind="lark", text=text)
        for wanted in (spec, GrammarSpec(kind="regex", text="a", or_else=spec)):
            with pytest.raises(GrammarError):
                compiler.compile(wanted)


def test_what_stands_beside_any_object_is_rehearsed(compiler: GrammarCompiler) -> None:
    with pytest.raises(GrammarError):
        compiler.compile(GrammarSpec(kind="json_schema", text=ANY_JSON_OBJECT, or_else=HOSTILE[0]))


@pytest.mark.parametrize("spec", HOSTILE, ids=lambda spec: spec.text[:30])
def test_a_hostile_spec_is_refused_and_the_next_one_served(compiler: GrammarCompiler, spec: GrammarSpec) -> None:
    """Whatever it does, it does in a child with a limit. The second time it is known."""
    with pytest.raises(GrammarError):
        compiler.compile(spec)
    started = time.monotonic()
    with pytest.raises(GrammarError):
        compiler.compile(spec)
    assert time.monotonic() - started < 0.5  # the child's limit is longer
    assert compiler.compile(regex(f"[a-z]{{{len(spec.text)}}}")).allows(b"abc")


def test_only_so_many_wait() -> None:
    """Clients that send hard specs all at once are told to come back, and hold no threads."""
    compiler = GrammarCompiler(BYTES, vocab_size=300, stop_ids=[256])
    outcomes: list[str] = []

    def compile_one(number: int) -> None:
        try:
            compiler.compile(regex(f"a{{{number + 1}}}"))
            outcomes.append("compiled")
        except CompilerBusy:
            outcomes.append("busy")

    with compiler._working:
        threads = [threading.Thread(target=compile_one, args=(number,)) for number in range(MAX_WAITING + 3)]
        for thread in threads:
            thread.start()
        while len(outcomes) < 3:
            time.sleep(0.01)
    for thread in threads:
        thread.join()
    compiler.close()
    assert sorted(outcomes) == ["busy"] * 3 + ["compiled"] * MAX_WAITING
