"""The package's rules, as data."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.safety.code_shield.advice import advice_for
from assistant.safety.code_shield.rules import FOLDER, UNUSABLE, WRONG, RulesUnreadable, load
from tests.assistant.safety.code_shield.conftest import PACKAGES


def test_both_sets_are_read():
    """The wide one says what is looked for, the strict one what may block."""
    rules = load(PACKAGES)
    every = {rule.rule_id: rule for kind in (rules.patterns, rules.syntax) for group in kind.values() for rule in group}
    assert len(every) > 180
    assert sorted(rule_id for rule_id, rule in every.items() if rule.can_block) == [
        "c.bugprone-gets",
        "java.cors-servlet-header-injection",
        "java.xpath_injection_variable_resolver",
        "java.xxe-deprecated-xml-reader",
        "java.xxe-insecure-sax-parser",
        "java.xxe-insecure-xml-input-factory",
    ]
    assert every["c.bugprone-strcpy"].severity == "error"  # in the wide set only
    assert all(rule.cwe.startswith("CWE-") and advice_for(rule.cwe, rule.message) for rule in every.values())


def test_what_we_leave_out_is_in_the_package():
    """A reason for a rule that is gone would mislead."""
    assert not set(UNUSABLE) & set(WRONG)
    config = (PACKAGES / FOLDER / "config.yaml").read_text()
    assert all(f"- {rule_id.partition('.')[2]}\n" in config for rule_id in (*UNUSABLE, *WRONG))


@pytest.mark.parametrize("language", ["c", "cpp", "objective_c"])
def test_a_language_has_the_rules_of_the_one_it_extends(language: str):
    """As in the package."""
    assert any(rule.rule_id == "c.bugprone-gets" for rule in load(PACKAGES).patterns[language])


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    shutil.copytree(PACKAGES / FOLDER, tmp_path / FOLDER)
    return tmp_path


def test_the_version_changes_with_any_rule(packages: Path):
    """What was remembered of a block under other rules does not count."""
    before = load(packages).version
    assert before == load(PACKAGES).version
    path = packages / FOLDER / "regex" / "rust.yaml"
    path.write_text(path.read_text().replace("temp_dir", "temp_dirs"))
    assert load(packages).version != before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.yaml", "config: {}"),
        ("config.yaml", "- ]["),
        ("regex/c.yaml", "- {cwe_id: CWE-1, pattern_id: bugprone-gets, severity: Error, description: x, rule: '('}"),
        ("regex/c.yaml", "- 7"),
        ("semgrep/_generated_/c_cyberseceval.json", "{}"),
        ("semgrep/_generated_/c_cyberseceval.json", '{"rules": [{"id": "x"}]}'),
        ("semgrep/_generated_/c_cyberseceval.json", "\0"),
    ],
)
def test_rules_of_another_kind_are_refused(packages: Path, name: str, text: str):
    """Half a set of rules would call too much clean."""
    (packages / FOLDER / name).write_text(text)
    with pytest.raises(RulesUnreadable):
        load(packages)


def test_rules_that_are_not_there_are_refused(tmp_path: Path):
    """With the reason for the log."""
    with pytest.raises(RulesUnreadable, match="FileNotFoundError"):
        load(tmp_path)


def test_the_port_is_light():
    """Everybody imports the ports; only the worker needs rules, and a parser for their files."""
    script = "import sys, assistant.ports; print(sorted({'yaml', 'regex', 'markdown_it'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
