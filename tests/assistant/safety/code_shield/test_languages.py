"""The language of a block: from its tag, else guessed with care."""

import pytest

from assistant.safety.code_shield.languages import fence_tag, language_of
from assistant.safety.code_shield.rules import load
from tests.assistant.safety.code_shield.conftest import PACKAGES


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("python", "python"),
        ("Python3", "python"),
        ('py title="app.py" {1,3}', "python"),
        ("{.python .numberLines}", "python"),
        ("language-js", "javascript"),
        ("C++", "cpp"),
        ("c#", "csharp"),
        ("C", "c"),
        ("objective-c", "objective_c"),
        ("TypeScript", "typescript"),
        ("tsx", "typescript"),
        ("node.js", "javascript"),
        ("src/server/app.py", "python"),
        ("main.rs", "rust"),
        ("go", "go"),
        ("bash", "bash"),
        ("COBOL-85", "cobol-85"),
        ("x" * 500, "x" * 30),
    ],
)
def test_a_tag_names_the_language(info: str, language: str):
    """In the ways that models write it; one without rules keeps its name."""
    assert language_of(fence_tag(info), "") == language


GUESSED = {
    "python": "import os\n\ndef main():\n    os.remove('x')\n",
    "javascript": "const fs = require('fs');\nfs.readFile(name, (error, text) => {\n  console.log(text);\n});\n",
    "typescript": "interface User {\n  name: string;\n}\nconst greet = (user: User): string => `Hi ${user.name}`;\n",
    "c": "#include <stdio.h>\n\nint main(void) {\n    char name[20];\n    gets(name);\n    return 0;\n}\n",
    "cpp": '#include <iostream>\n\nint main() {\n    std::cout << "hello\\n";\n    return 0;\n}\n',
    "csharp": 'using System;\n\nclass Program {\n    static void Main() { Console.WriteLine("hi"); }\n}\n',
    "java": "class Main {\n    public static void main(String[] args) {\n        System.out.println(1);\n    }\n}\n",
    "php": "<?php\n$name = $_GET['name'];\necho $name;\n",
    "rust": "use std::env;\n\nfn main() {\n    let mut names = vec![1];\n    names.push(2);\n}\n",
    "ruby": "require 'json'\n\n[1, 2].each do |number|\n  puts number\nend\n",
    "swift": "import UIKit\n\nfunc greet(name: String) -> String {\n    return name\n}\n",
    "xml": '<?xml version="1.0"?>\n<a/>\n',
}


@pytest.mark.parametrize("tag", ["", "text", "code"])
@pytest.mark.parametrize("language", GUESSED)
def test_code_without_a_tag_is_recognised(language: str, tag: str):
    """By what hardly any other language has."""
    assert language_of(tag, GUESSED[language]) == language


@pytest.mark.parametrize(
    "text",
    [
        "Hello world",
        "total 12\ndrwxr-xr-x 2 me me 4096 src\n-rw-r--r-- 1 me me 80 main.py",
        '{"name": "x", "import": ["os"]}',
        "$ pip install requests\n$ python app.py",
        "Dear Ms Lee,\n\nplease import the list from the class register.\n\nYours",
        "name: build\non: push\njobs:\n  test:\n    runs-on: ubuntu\n",
        "SELECT name FROM users WHERE id = 3;",
        'package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println("hi")\n}',
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "x = 1",
    ],
)
def test_what_is_not_recognised_stays_unknown(text: str):
    """A wrong language would give warnings that make no sense."""
    assert language_of("", text) == ""


def test_a_tag_is_believed():
    """Even where the code looks like something else."""
    assert language_of("json", GUESSED["python"]) == "json"


def test_every_language_with_rules_has_a_tag():
    """Else its rules would never be used."""
    rules = load(PACKAGES)
    assert {language_of(language.replace("_", "-"), "") for language in rules.patterns} == set(rules.patterns)
    assert set(rules.syntax) <= set(rules.patterns)
