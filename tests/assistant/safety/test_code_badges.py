"""What Code Shield says reaches the block of code that the page shows."""

from assistant.rendering import render
from assistant.safety.code_badges import badges, insecure_code
from assistant.safety.code_shield.report import BlockReport, CodeReport, Finding

TEXT = """First:

```python
a = 1
os.system(a)
```

- in a list

  ```
  nothing
  ```

````markdown
Inside:

```c
gets(b);
```
````
"""


def finding(line: int) -> Finding:
    return Finding(rule_id="r", cwe="CWE-1", severity="error", treatment="warn", line=line, advice="Do not.")


def test_each_figure_has_the_reports_of_its_code() -> None:
    """Counted as the page counts them; what is inside a block of Markdown counts there, by its own lines."""
    report = CodeReport(
        blocks=(
            BlockReport(first_line=4, language="python", findings=(finding(2),)),
            BlockReport(first_line=11, language="", not_scanned="no_rules"),
            BlockReport(first_line=18, language="c", findings=(finding(1),)),
        )
    )
    found = badges(TEXT, report)
    assert "".join(render(TEXT)).count("<figure") == len(found) == 3
    assert [(badge.figure, badge.state) for badge in found] == [(0, "findings"), (1, "not_scanned"), (2, "findings")]
    assert [[place.line for place in badge.found] for badge in found] == [[2], [], [4]]
    assert [badge.not_scanned for badge in found] == [None, "no_rules", None]


def test_an_answer_without_code_has_no_badge() -> None:
    assert badges("Only words.", CodeReport()) == ()


def test_a_scan_that_failed_as_a_whole_says_so_at_the_first_block() -> None:
    """It must not look like code that was found clean."""
    report = CodeReport(blocks=(BlockReport(first_line=1, language="", not_scanned="broken"),))
    (badge,) = badges(TEXT, report)
    assert (badge.figure, badge.state, badge.not_scanned) == (0, "not_scanned", "broken")


def test_a_withheld_answer_names_the_reason_to_a_person() -> None:
    verdict = insecure_code(CodeReport(rules_version="7"))
    assert verdict.blocks
    assert verdict.violated == ("insecure_code",)
