"""Pieces of programs, made readable."""

import ast

import pytest

from assistant.safety.code_shield.fragments import Reading, readings


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "def f():\n    return (1)\n"),
        ("javascript", "f({ a: [1, '}'] }); // )\n/* ( */ const s = `{`;"),
        ("c", "#define OPEN {\nint f(void) { return '('; }\n"),
        ("csharp", "#region (\nclass A { }\n#endregion"),
        ("java", 'class A { String s = "\\"{"; }'),
        ("php", "<?php\nf(); # {\n"),
    ],
)
def test_what_is_whole_is_read_as_it_is(language: str, code: str):
    """Brackets in texts, comments and directives count for nothing."""
    assert readings(language, code) == (Reading(code),)


@pytest.mark.parametrize(
    ("code", "mended"),
    [
        ("while (more) {\n  f(", "while (more) {\n  f(\n)}"),
        ("});\nrun(query);", "({});\nrun(query);\n"),
        ("}\nf() {", "{}\nf() {\n}"),
        ("the end of it */\nf(g);", "/*the end of it */\nf(g);\n"),
        ("( */ f(1); }", "/*( */{ f(1); }\n"),
        ("f(); /* not (finished", "f(); /* not (finished\n*/"),
        ("f(g[1); }", "{f(g[1); }\n"),  # what is wrong within stays wrong
    ],
)
def test_brackets_that_are_missing_at_the_ends_are_guessed(code: str, mended: str):
    """No line moves, and the code as it is is read as well."""
    whole, guess = readings("javascript", code)
    assert whole.code == code
    assert guess.code == mended
    assert guess.num_lines_before == 0


@pytest.mark.parametrize(
    "code",
    [
        "    x = 1\n    y = 2",
        "        x = f(y)\n    except ValueError:\n        z = 1",
        "            a()\n        else:\n            b()\n    c()\nd()",
        "if ready:",
        "    for x in y:\n        if x:",
        "        raise\n    finally:\n        close()",
        "\n\n    # a comment\n    x = 1\n",
    ],
)
def test_indentation_gets_the_headers_it_asks_for(code: str):
    """What no parser takes becomes something that Python's own takes, with every line as it was."""
    with pytest.raises(SyntaxError):
        ast.parse(code)
    _, guess = readings("python", code)
    ast.parse(guess.code)
    lines = guess.code.splitlines()[guess.num_lines_before :]
    assert lines[: len(code.rstrip().splitlines())] == code.rstrip().splitlines()


def test_php_without_its_mark_is_code():
    """To a parser all before the mark is a page. It goes on the first line, so none moves."""
    assert readings("php", "eval($x);") == (Reading("<?php eval($x);"),)
    assert readings("php", "}\neval($x);")[1].code == "<?php {}\neval($x);\n"


def test_typescript_with_tags_is_another_dialect():
    """In which <T>x is no cast; so only where there are tags."""
    assert readings("typescript", "const a = <b>1</b>;")[0].suffix == ".tsx"
    assert readings("typescript", "const a = <b>c;")[0].suffix == ""
