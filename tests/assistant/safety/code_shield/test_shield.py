"""What a person is told about the code in an answer, with the real rules and the real analyser."""

import asyncio
import logging
import time
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from assistant.ports import CodeShield
from assistant.safety.code_shield import semgrep
from assistant.safety.code_shield.report import BlockReport, Treatment
from assistant.safety.code_shield.shield import SemgrepShield, ShieldConfig

PACKAGES = Path(__file__).resolve().parents[4] / "var" / "code-shield"

EVAL = "```python\nresult = eval(input())\n```\n"
CLEAN = "```python\nprint(sum([1, 2]))\n```\n"


INSECURE = [
    ("python", "import os\n\nos.system('rm ' + name)", [(3, "CWE-78")]),
    ("python", "import subprocess\nsubprocess.run(name, shell=True)", [(2, "CWE-78")]),
    ("python", "import pickle\npickle.loads(blob)", [(2, "CWE-502")]),
    ("python", "import yaml\nyaml.load(text, Loader=yaml.Loader)", [(2, "CWE-502")]),
    ("python", "cursor.execute(\"select * from t where n = '%s'\" % name)", [(1, "CWE-89")]),
    ("python", "import hashlib\nhashlib.md5(b'')", [(2, "CWE-328")]),
    ("js", "eval(location.hash)", [(1, "CWE-95")]),
    ("javascript", "const run = require('child_process');\nrun.exec('ls ' + dir);", [(2, "CWE-78")]),
    ("ts", "function f(x: string): void {\n  eval(x);\n}", [(2, "CWE-95")]),
    ("tsx", "const A = () => <div dangerouslySetInnerHTML={{ __html: text }} />;", [(1, "CWE-79")]),
    ("c", "void f(char *s) {\n  char b[9];\n  strcpy(b, s);\n}", [(3, "CWE-120")]),
    ("c", 'void f(char *s) {\n  char b[9];\n  sprintf(b, "%s", s);\n}', [(3, "CWE-120")]),
    ("c", "int main(void) {\n  char b[9];\n  gets(b);\n}", [(3, "CWE-242")]),
    ("c++", "std::auto_ptr<Thing> thing(new Thing);", [(1, "CWE-665")]),
    ("c#", "class A { void F(string x) { var r = new Random(); r.Next(); } }", [(1, "CWE-338")]),
    ("java", 'class A { void f() { MessageDigest.getInstance("MD5"); } }', [(1, "CWE-327")]),
    ("java", 'class A { void f() { Cipher.getInstance("RSA/ECB/NoPadding"); } }', [(1, "CWE-327")]),
    ("php", "<?php\neval($_GET['x']);", [(2, "CWE-94")]),
    ("php", "eval($_GET['x']);", [(1, "CWE-94")]),
    ("rust", "let client = b.danger_accept_invalid_certs(true);", [(1, "CWE-295")]),
    ("swift", "item[kSecAttrAccessible] = kSecAttrAccessibleAlways", [(1, "CWE-922")]),
    ("ruby", 'Open3.popen3("ls #{dir}")', [(1, "CWE-78")]),
    ("xml", '<application android:debuggable="true"/>', [(1, "CWE-489")]),
    ("objc", "CC_MD5(data, length, digest);", [(1, "CWE-327")]),
]
"""What each is found to be, at least."""
SECURE = [
    ("python", "import subprocess\nsubprocess.run(['ls', path], check=True)"),
    ("python", "import yaml\nyaml.safe_load(text)"),
    ("python", 'cursor.execute("select * from t where n = %s", (name,))'),
    ("js", "const data = JSON.parse(text);\nelement.textContent = data.name;"),
    ("c", 'void f(char *s) {\n  char b[9];\n  snprintf(b, sizeof b, "%s", s);\n  fgets(b, sizeof b, stdin);\n}'),
    ("php", "<?php\n$hash = password_hash($password, PASSWORD_DEFAULT);"),
    ("java", 'class A { void f() { Cipher.getInstance("AES/GCM/NoPadding"); } }'),
    ("rust", 'fn main() {\n    for name in std::env::args().skip(1) {\n        println!("{name}");\n    }\n}'),
]
"""The safe neighbours of those."""


@pytest.fixture(scope="module")
def well_read(shield: SemgrepShield) -> SemgrepShield:
    """It has read them all at once, and remembers: starting the analyser is most of the cost."""
    examples = [(tag, code) for tag, code, _expected in INSECURE] + SECURE
    shield.scan_now("\n".join(f"```{tag}\n{code}\n```\n" for tag, code in examples))
    return shield


def block(shield: SemgrepShield, text: str) -> BlockReport:
    (only,) = shield.scan_now(text).blocks
    return only


def found(report: BlockReport) -> list[tuple[int, str]]:
    return [(finding.line, finding.cwe) for finding in report.findings]


def test_it_fulfils_the_port(shield: SemgrepShield):
    """Checked by the type checker as well."""
    port: CodeShield = shield
    assert asyncio.run(port.scan("no code")).state == "clean"


def test_an_answer_without_code_starts_nothing(temp_dir: Path):
    """Most answers are prose, and cost nothing even where nothing is installed."""
    report = SemgrepShield(ShieldConfig(packages=temp_dir)).scan_now("Just `words` and more words.")
    assert (report.blocks, report.state, report.treatment) == ((), "clean", None)


@pytest.mark.parametrize(("tag", "code", "expected"), INSECURE)
def test_insecure_code_is_found_with_its_line(
    well_read: SemgrepShield, tag: str, code: str, expected: list[tuple[int, str]]
):
    """In every language that there are rules for."""
    report = block(well_read, f"Here you go:\n\n```{tag}\n{code}\n```\n")
    assert report.state == "findings"
    assert set(expected) <= set(found(report))
    assert report.first_line == 4
    assert all(finding.advice and finding.treatment == "warn" for finding in report.findings)


@pytest.mark.parametrize(("tag", "code"), SECURE)
def test_the_way_it_should_be_done_is_clean(well_read: SemgrepShield, tag: str, code: str):
    """The safe neighbours of what is found above."""
    report = block(well_read, f"```{tag}\n{code}\n```")
    assert (report.state, report.findings) == ("clean", ())


def test_a_comment_is_no_finding(shield: SemgrepShield):
    """Tutorials say what not to do."""
    assert block(shield, "```python\n# never use hashlib.md5(data)\nx = 1\n```").state == "clean"


def test_a_comment_cannot_switch_the_scan_off(shield: SemgrepShield):
    """A model can be talked into writing semgrep's own exemption."""
    assert block(shield, "```python\nresult = eval(input())  # nosemgrep\n```").state == "findings"


@pytest.mark.parametrize("tag", ["go", "bash", "sql", "html", "json", "brainfuck", ""])
def test_a_language_without_rules_is_not_scanned(shield: SemgrepShield, tag: str):
    """And so not clean either."""
    report = block(shield, f"```{tag}\nsome words\n```")
    assert (report.state, report.not_scanned) == ("not_scanned", "no_rules")
    assert report.language == tag


def test_a_secret_is_found_in_any_language(shield: SemgrepShield):
    """Its rule is about text."""
    report = block(shield, '```go\nkey := "ghp_' + "a1B2" * 9 + '"\n```')
    assert found(report) == [(1, "CWE-798")]
    assert report.state == "findings"


def test_a_method_without_its_class_is_read(shield: SemgrepShield):
    """Answers show the part that matters, and may stop in the middle."""
    method = "    }\n\n    public void f(HttpServletRequest q, HttpServletResponse r) throws IOException {\n"
    method += '        r.sendError(500, q.getParameter("name"));\n        if (ready) {\n            done();'
    assert (4, "CWE-79") in found(block(shield, f"```java\n{method}\n```"))


def test_lines_are_right_where_headers_were_put_before_the_code(shield: SemgrepShield):
    """The parser reads more lines than the person does."""
    report = block(shield, "```python\n        x = eval(y)\n    except ValueError:\n        z = eval(y)\n```")
    assert found(report) == [(1, "CWE-94"), (3, "CWE-94")]


def test_code_that_no_parser_reads_is_not_clean(shield: SemgrepShield):
    """The analyser says nothing of the part it left out."""
    report = block(shield, "```python\nprint(eval) ) ( eval( = = 3 eval(\n```")
    assert (report.state, report.not_scanned) == ("not_scanned", "unreadable")


def test_one_call_serves_all_blocks_of_an_answer(new_shield: SemgrepShield, monkeypatch: pytest.MonkeyPatch):
    """Starting the analyser is most of the cost."""
    new_shield.check()
    calls: list[int] = []
    real = semgrep.scan

    def counted(targets, *others, **named):
        calls.append(len(targets))
        return real(targets, *others, **named)

    monkeypatch.setattr(semgrep, "scan", counted)
    report = new_shield.scan_now(
        f"{EVAL}\n{CLEAN}\n```js\neval(x);\n```\n```c\nvoid f(void) {{ gets(b); strcpy(b, c); }}\n```"
    )
    assert [one.state for one in report.blocks] == ["findings", "clean", "findings", "findings"]
    assert report.state == "findings"
    assert calls == [3]  # nothing in the clean one is worth parsing


def test_only_an_error_of_the_strict_set_can_block(temp_dir: Path):
    """And only where the policy says so; the default warns."""
    gets, md5 = "```c\nint f(void) { gets(b); }\n```", "```python\nhashlib.md5(x)\n```"
    xxe = "```java\nclass A { void f(InputStream in) { XMLInputFactory f = XMLInputFactory.newFactory();\n"
    xxe += "f.createXMLStreamReader(in); } }\n```"
    policies: tuple[tuple[Treatment, list[Treatment]], ...] = (
        ("warn", ["warn", "warn", "warn"]),
        ("block", ["block", "warn", "block"]),
    )
    for on_error, expected in policies:
        config = ShieldConfig(packages=PACKAGES, temp_dir=temp_dir, limit_s=20.0, on_error=on_error)
        shield = SemgrepShield(config)
        assert [shield.scan_now(text).treatment for text in (gets, md5, xxe)] == expected


def test_what_two_rules_say_of_a_line_is_said_once(shield: SemgrepShield):
    """A pattern and a parser both know strcpy."""
    assert (
        found(block(shield, "```c\nvoid f(char *s) {\n  char b[9];\n  strcpy(b, s);\n}\n```")).count((3, "CWE-120"))
        == 1
    )


def test_many_findings_are_cut_off_and_not_lost(shield: SemgrepShield):
    """The analyser drops all of a rule's finds where they are more than it is told to return."""
    report = block(shield, "```python\n" + "eval(x)\n" * 3_000 + "```")
    assert (len(report.findings), report.not_scanned) == (50, None)


def test_a_report_cannot_be_changed(shield: SemgrepShield):
    """It goes from thread to thread, and is remembered."""
    report = shield.scan_now(EVAL)
    with pytest.raises(FrozenInstanceError):
        report.blocks[0].language = "c"  # type: ignore[misc]


# what is remembered


def test_the_same_block_is_not_scanned_twice(shield: SemgrepShield, monkeypatch: pytest.MonkeyPatch):
    """Not in another place, nor in another answer; its line in the answer is its own all the same."""
    first = shield.scan_now(EVAL)
    monkeypatch.setattr(semgrep, "scan", lambda *_, **__: pytest.fail("scanned again"))
    second = shield.scan_now(f"Again:\n\n{EVAL}\n{EVAL}")
    assert [one.findings for one in second.blocks] == [first.blocks[0].findings] * 2
    assert [one.first_line for one in second.blocks] == [4, 8]


def test_the_same_text_in_another_language_is_another_block(shield: SemgrepShield):
    """What is insecure in one is only odd in the other."""
    text = "eval(x)"
    reports = [block(shield, f"```{tag}\n{text}\n```") for tag in ("python", "js", "go")]
    assert [[finding.rule_id for finding in one.findings] for one in reports] == [
        ["python.insecure-eval-use"],
        ["javascript.eval-with-expression"],
        [],
    ]


def test_memory_is_bounded(temp_dir: Path):
    """A worker lives for weeks."""
    shield = SemgrepShield(ShieldConfig(packages=PACKAGES, temp_dir=temp_dir, limit_s=20.0, max_remembered=3))
    for number in range(6):
        shield.scan_now(f"```go\nx := {number}\n```")
    assert len(shield._seen) == 3


def test_no_code_is_kept_in_memory(new_shield: SemgrepShield):
    """Digests and findings only."""
    new_shield.scan_now("```python\nsecret_name_of_mine = eval(input())\n```")
    assert "secret_name_of_mine" not in repr(new_shield._seen)


# limits


def test_a_long_block_is_not_scanned(temp_dir: Path):
    """Its neighbour is."""
    shield = SemgrepShield(ShieldConfig(packages=PACKAGES, temp_dir=temp_dir, limit_s=20.0, max_block_chars=200))
    report = shield.scan_now("```python\n" + "x = 1\n" * 50 + "```\n\n" + EVAL)
    assert [one.not_scanned for one in report.blocks] == ["too_long", None]
    assert report.blocks[1].state == "findings"


def test_only_so_many_blocks_are_scanned(temp_dir: Path):
    """The rest say that they were not."""
    shield = SemgrepShield(ShieldConfig(packages=PACKAGES, temp_dir=temp_dir, limit_s=20.0, max_blocks=2))
    report = shield.scan_now("".join(f"```python\nx = {number}\n```\n" for number in range(4)))
    assert [one.not_scanned for one in report.blocks] == [None, None, "too_long", "too_long"]


def test_a_long_answer_is_not_even_parsed(shield: SemgrepShield):
    """Twenty times what a model writes."""
    report = shield.scan_now(EVAL * 10_000)
    assert [one.not_scanned for one in report.blocks] == ["too_long"]


# adversarial text: made to take time

_FENCED = "```{tag}\n{code}\n```"


@pytest.fixture(scope="module")
def hurried_shield(tmp_path_factory: pytest.TempPathFactory) -> SemgrepShield:
    """Tried out in peace, which need not be done again for each text."""
    shield = SemgrepShield(ShieldConfig(packages=PACKAGES, temp_dir=tmp_path_factory.mktemp("scans"), limit_s=20.0))
    shield.check()
    shield._config = replace(shield._config, limit_s=1.0)
    return shield


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("php", "setcookie(" + " ," * 8_000),
        ("php", "setcookie(" * 2_000 + ", " * 4_000),
        ("php", "simplexml_load_string(" * 1_500),
        ("java", "Runtime.getRuntime()" * 1_900),
        ("java", 'Cipher.getInstance("' * 1_900),
        ("cpp", "#define X(" * 3_900),
        ("python", "---BEGIN " * 2_000 + "PRIVATE KEY---" * 1_000),
        ("python", "-" * 38_000),
        ("js", "eval(" * 7_000),
        ("python", "(" * 39_000),
        ("python", "\n".join(" " * depth + "if eval(x):" for depth in range(250))),
        ("js", "` " * 19_000),
        ("c", "/*" * 19_000 + "strcpy(a, b)"),
        ("c", "strcpy(a, b); }" * 2_500),
        ("", "def f(" * 3_000),
        ("", "const " * 6_000),
        ("", "class A" * 5_000),
    ],
)
def test_text_made_to_take_time_takes_none(hurried_shield: SemgrepShield, tag: str, code: str):
    """The limit holds for patterns, guesses and analyser together, and what was cut off is not clean."""
    assert hurried_shield.check() is None
    began = time.monotonic()
    (report,) = hurried_shield.scan_now(_FENCED.format(tag=tag, code=code)).blocks
    assert time.monotonic() - began < 8.0  # the limit, and what a busy machine adds
    assert report.not_scanned != "broken"


@pytest.mark.parametrize(
    "text",
    [
        "> " * 20_000,
        "- " * 50_000,
        "```\n" * 40_000,
        "`" * 150_000,
        "* " * 300 + "```",
        "[" * 60_000,
        "    x\n\n" * 20_000,
    ],
)
def test_fences_made_to_take_time_take_none(shield: SemgrepShield, text: str):
    """Finding the blocks is linear."""
    shield.check()
    began = time.monotonic()
    shield.scan_now(text)
    assert time.monotonic() - began < 12.0


# privacy


def test_no_code_and_no_finding_is_logged(new_shield: SemgrepShield, caplog: pytest.LogCaptureFixture):
    """Whatever the level."""
    caplog.set_level(logging.DEBUG)
    new_shield.scan_now("```python\nmy_private_word = eval(other_private_word) ) (\n```\n" + EVAL)
    assert "private_word" not in caplog.text + repr([record.__dict__ for record in caplog.records])
