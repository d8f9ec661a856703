"""The rules of Meta's Code Shield, read as data from the files of the package `codeshield`.

The package is never imported: importing it writes into the folder it lies in. It names two sets of rules in one
config.yaml. We look for those of the wider one, "cyberseceval"; a rule that is in "codeshield" too and calls its find
an error is one a policy may block for.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import regex
import yaml

from assistant.safety.code_shield.report import Severity

FOLDER: Final = Path("codeshield", "insecure_code_detector", "rules")
"""Where the rules lie below the folder that packages are installed into."""

WIDE: Final = "cyberseceval"
STRICT: Final = "codeshield"

_PATTERNS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "c": ("c",),
    "cpp": ("cpp", "c"),
    "csharp": ("csharp",),
    "java": ("java",),
    "javascript": ("javascript",),
    "objective_c": ("objective_c", "c"),
    "php": ("php",),
    "python": ("python",),
    "ruby": ("ruby",),
    "rust": ("rust",),
    "swift": ("swift",),
    "typescript": ("javascript",),
    "xml": ("xml",),
}
_SYNTAX_OF: Final[Mapping[str, str]] = {
    "c": "c",
    "cpp": "c",
    "csharp": "csharp",
    "java": "java",
    "javascript": "javascript",
    "php": "php",
    "python": "python",
    "typescript": "javascript",
}
"""Under which names the package keeps the rules of each language. In every language secrets are looked for as well."""
_ANY_LANGUAGE: Final = "language_agnostic"

UNUSABLE: Final = {
    "java.ssrf_insecure_patterns": "its pattern is no Java to semgrep-core, which leaves it out each time",
}
WRONG: Final = {
    "php.hash-without-salt": "warns of password_hash(..., PASSWORD_DEFAULT), which salts and is what one should use",
    "php.missing-authorization": "warns of every exec( and system( as if the caller had not been authorised",
    "rust.RUST-R-004": "warns of every program that reads its arguments",
    "rust.RUST-R-005": "warns of every program that reads its arguments",
}
"""Rules we leave out, with the reason. They would warn of code that is right."""

_OUR_CWE: Final = {
    "c.vulnerable-strcpy": "CWE-120",  # has none
    "javascript.child-process": "CWE-78",  # about programs that are started, not about code that is evaluated
}
_OUR_PATTERN: Final = {
    # Theirs is about RSA by its words, and also takes AES/GCM/NoPadding, which is what one should use.
    "java.rsa-without-oaep-padding": r'Cipher\.getInstance\(\s*"RSA\b[^"]*NoPadding"',
}
_OUR_PRESCAN: Final = {
    # without one
    "c.vulnerable-strcpy": r"\bstrcpy\b",
    "c.vulnerable-sprintf": r"\bv?sprintf\b",
    # with one that the rule's own finds do not match
    "csharp.sql-injection": r"Sql|Execute\w*\(|\w+Command\b",
    "csharp.crypto-weak-hashing-function": r"MD5|SHA1|HashAlgorithm",
}
"""What semgrep is started for, where the package does not say it or says it wrongly."""

_SEVERITIES: Final[Mapping[str, Severity]] = {
    "error": "error",
    "warning": "warning",
    "advice": "advice",
    "info": "advice",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What both kinds of rules say. `rule_id` is unique: the package's id after the language it is listed under."""

    rule_id: str
    cwe: str
    severity: Severity
    message: str
    can_block: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternRule(Rule):
    """Insecure is what `pattern` matches, outside of comments."""

    pattern: "regex.Pattern[str]"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntaxRule(Rule):
    """`definition` is for semgrep, which need not be started where no rule's `prescan` matches."""

    prescan: "regex.Pattern[str]"
    definition: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """All rules. `version` names the files they were read from, byte for byte.

    patterns, syntax  by language; `secrets` are the patterns of any language, and in `patterns` too
    """

    version: str
    patterns: Mapping[str, Sequence[PatternRule]]
    syntax: Mapping[str, Sequence[SyntaxRule]]
    secrets: Sequence[PatternRule]


class RulesUnreadable(Exception):
    """The rules are not there, or are not what we know how to read."""


def load(packages: Path) -> RuleBook:
    """Read and compile every rule below `packages`. Raises RulesUnreadable."""
    try:
        files = _Files(packages / FOLDER)
        secrets = tuple(_pattern_rules(files, _ANY_LANGUAGE))
        patterns = {
            language: (*(rule for name in names for rule in _pattern_rules(files, name)), *secrets)
            for language, names in _PATTERNS_OF.items()
        }
        syntax = {language: tuple(_syntax_rules(files, name)) for language, name in _SYNTAX_OF.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError, regex.error) as error:
        raise RulesUnreadable(f"{type(error).__name__}: {error}") from error
    return RuleBook(version=files.version, patterns=patterns, syntax=syntax, secrets=secrets)


class _Files:
    """Reads the package's files and remembers what they were."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._digest = hashlib.sha256()
        config = yaml.safe_load(self.read("config.yaml"))["config"]
        self._enabled = {name: config[name] for name in (WIDE, STRICT)}

    @property
    def version(self) -> str:
        return self._digest.hexdigest()[:12]

    def read(self, name: str) -> str:
        content = (self._folder / name).read_bytes()
        self._digest.update(f"{name} {len(content)}\n".encode() + content)
        return content.decode()

    def enabled(self, rule_set: str, language: str, kind: str) -> frozenset[str]:
        """Ids of the rules that config.yaml switches on."""
        rules = self._enabled[rule_set].get(language, {}).get(kind, {}).get("rules", [])
        return frozenset(map(str, rules))


def _pattern_rules(files: _Files, language: str) -> Iterator[PatternRule]:
    wide, strict = (files.enabled(rule_set, language, "regex") for rule_set in (WIDE, STRICT))
    for entry in yaml.safe_load(files.read(f"regex/{language}.yaml")) or ():
        rule_id = f"{language}.{entry['pattern_id']}"
        severity = _SEVERITIES.get(entry["severity"].lower())  # none: the package calls it disabled
        if entry["pattern_id"] in wide and severity and not _is_left_out(rule_id):
            yield PatternRule(
                rule_id=rule_id,
                cwe=entry["cwe_id"],
                severity=severity,
                message=entry["description"],
                can_block=severity == "error" and entry["pattern_id"] in strict,
                pattern=regex.compile(_OUR_PATTERN.get(rule_id) or entry["rule"]),
            )


def _syntax_rules(files: _Files, language: str) -> Iterator[SyntaxRule]:
    strict = files.enabled(STRICT, language, "semgrep")
    for definition in json.loads(files.read(f"semgrep/_generated_/{language}_{WIDE}.json"))["rules"]:
        name, metadata = definition["id"], definition["metadata"]
        rule_id = f"{language}.{name}"
        severity = _SEVERITIES[definition["severity"].lower()]
        if not _is_left_out(rule_id):
            yield SyntaxRule(
                rule_id=rule_id,
                cwe=_OUR_CWE.get(rule_id) or metadata["cwe_id"],
                severity=severity,
                message=" ".join(definition["message"].split()),
                can_block=severity == "error" and name in strict,
                prescan=regex.compile(_OUR_PRESCAN.get(rule_id) or metadata["prescan_regex"]),
                definition={**definition, "id": rule_id, "metadata": {}},
            )


def _is_left_out(rule_id: str) -> bool:
    return rule_id in UNUSABLE or rule_id in WRONG
