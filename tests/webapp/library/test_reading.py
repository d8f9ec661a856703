"""What is read out of a file, and what is refused. Each is read as in life: by a process of its own."""

import time
from pathlib import Path

import pytest

from tests.webapp.library.files import SENTENCE, bomb, laughs, pdf, word, zipped
from webapp.library.reading.kinds import CannotRead, kind_of
from webapp.library.services import extracting
from webapp.library.services.extracting import read_apart
from webapp.library.titles import title_of, title_of_file
from webapp.library.wording import reason

PAGE = b"<title>T</title><h1>Pass</h1><p>a &lt; b</p><ul><li>one</li><li>two</li></ul><script>x()</script><p>end</p>"


def text_of(name: str, content: bytes) -> str:
    return read_apart(kind_of(name, content), content)


def why_not(name: str, content: bytes) -> str:
    with pytest.raises(CannotRead) as refused:
        text_of(name, content)
    return refused.value.code


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.md", b"\xef\xbb\xbf# Hi\r\nthere", "# Hi\nthere\n"),
        ("a.txt", "Viele Grüße aus Köln".encode("cp1252"), "Viele Grüße aus Köln\n"),
        ("a.txt", "Grüße".encode("utf-16"), "Grüße\n"),
        ("a.TXT", "سلام".encode(), "سلام\n"),
        ("a.csv", b"name,age\nAda,36\nBob,\n", "- name: Ada; age: 36\n- name: Bob\n"),
        ("a.csv", "Stadt;Höhe\nQuito;2850\n".encode("cp1252"), "- Stadt: Quito; Höhe: 2850\n"),
        ("a.html", PAGE, "# Pass\n\na < b\n\n- one\n- two\n\nend\n"),
        ("a.pdf", pdf(SENTENCE, "They hum."), f"{SENTENCE}\n\nThey hum.\n"),
        ("a.docx", word(SENTENCE, heading="Loads"), f"## Loads\n\n{SENTENCE}\n"),
        ("a.docx", word("x", rows=[["name", "age"], ["Ada", "36"]]), "x\n\n- name: Ada; age: 36\n"),
    ],
)
def test_the_text_of_every_kind(name: str, content: bytes, text: str) -> None:
    """As Markdown, so that headings lead into passages and rows stay together."""
    assert text_of(name, content) == text


def test_a_pdf_that_is_only_locked_against_changes_is_read() -> None:
    """Many bills are; they open without a password."""
    assert text_of("a.pdf", pdf(SENTENCE, owner_password="owner")) == f"{SENTENCE}\n"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.exe", b"MZ", "wrong_type"),
        ("a", b"hello", "wrong_type"),
        ("a.pdf", b"hello", "wrong_type"),
        ("a.txt", pdf("x"), "wrong_type"),
        ("a.docx", pdf("x"), "wrong_type"),
        ("a.txt", b"\x00\x01\x02", "wrong_type"),
        ("a.txt", b"\x01\x02\x03 bells", "wrong_type"),
        ("a.docx", zipped(**{"xl__workbook.xml": b"<x/>"}), "wrong_type"),
        ("a.txt", "Привет, мир".encode("cp1251"), "encoding"),
        ("a.txt", b"\xff\xfea", "encoding"),
        ("a.txt", b" \n ", "no_text"),
        ("a.pdf", pdf(""), "no_text"),
        ("a.pdf", pdf(SENTENCE, password="secret"), "encrypted"),
        ("a.pdf", b"%PDF-1.7 broken", "damaged"),
        ("a.pdf", pdf(SENTENCE)[:150], "damaged"),
        ("a.docx", b"PK\x03\x04broken", "damaged"),
        ("a.docx", zipped(**{"word__document.xml": b"<x/>"}), "damaged"),
        ("a.docx", laughs(), "damaged"),
        ("a.docx", bomb(), "burst"),
        ("a.csv", b'a,b\n"' + b"x" * 200_000, "damaged"),
        ("a.txt", b"a" * 2_000_001, "too_long"),
        ("a.docx", word("a b " * 500_001), "too_long"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(name: str, content: bytes, code: str) -> None:
    """By what it is, whatever its name says; and the reason has words."""
    assert why_not(name, content) == code
    assert reason(code) != reason("an older code") or code == "damaged"


def test_a_pdf_of_too_many_pages_is_refused() -> None:
    assert why_not("a.pdf", pdf(*["x"] * 2_001)) == "too_many_pages"


def test_a_file_that_takes_too_long_is_given_up() -> None:
    """And the process that reads it is gone with it."""
    began = time.monotonic()
    with pytest.raises(CannotRead) as refused:
        read_apart("pdf", pdf(*["x"] * 1_500), timeout_s=0.2)
    assert refused.value.code == "too_hard"
    assert time.monotonic() - began < 10


def outcome(program: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What comes of a reader that runs this under its limits."""
    limited = f"import os, sys; from webapp.library.reading.child import _limit; _limit(); {program}"
    monkeypatch.setattr(extracting, "COMMAND", ("-c", limited))
    with pytest.raises(CannotRead) as refused:
        read_apart("text", b"x")
    return refused.value.code


def test_a_reader_has_little_within_its_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a file makes it do: no secret of ours, no memory without end, nothing written."""
    monkeypatch.setenv("SECRET_KEY", "of-this-test")
    assert outcome("print(end=os.environ.get('SECRET_KEY', 'none')); sys.exit(3)", monkeypatch) == "none"
    assert outcome("bytearray(2**30); print(end='had it'); sys.exit(3)", monkeypatch) == "too_hard"
    target = tmp_path / "written"
    assert outcome(f"open({str(target)!r}, 'w').write('x'); sys.exit(3)", monkeypatch) in ("", "too_hard")
    assert not target.exists() or target.read_text() == ""


def test_a_title_cannot_deceive() -> None:
    """The names of files are somebody's text: folders, controls and turned directions are taken out."""
    assert title_of_file("../../etc/my\u202efdp.exe.pdf") == "myfdp.exe"
    assert title_of_file("C:\\Users\\ada\\Plan.docx") == "Plan"
    assert title_of_file(".pdf") == ".pdf"
    assert title_of("a\n\x00b\u200fc\u2028d") == "a bc d"
    assert title_of("می\u200cخواهم") == "می\u200cخواهم"
    assert title_of_file("\u200d\u3164.pdf") == title_of("\u2800 \u200c") == ""
    assert len(title_of("x" * 300)) == 200
