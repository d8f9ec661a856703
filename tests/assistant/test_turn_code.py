"""A turn whose answer has code in it."""

from assistant.safety.code_badges import FoundLine
from assistant.safety.code_shield.report import BlockReport, CodeReport, Finding, Treatment
from tests.assistant.turns import Notebook, ScriptedModel, WordGuard, run, turn


class Scanner:
    """A Code Shield that finds one thing in the first block."""

    def __init__(self, treatment: Treatment) -> None:
        self.treatment = treatment

    async def scan(self, text: str) -> CodeReport:
        finding = Finding(
            rule_id="r", cwe="CWE-78", severity="error", treatment=self.treatment, line=1, advice="No shell."
        )
        return CodeReport(blocks=(BlockReport(first_line=4, language="python", findings=(finding,)),))


CODE_ANSWER = "Run this here now:\n\n```python\nos.system(name)\n```\n"


async def test_what_code_shield_says_comes_with_the_end_and_delays_no_text() -> None:
    """The whole text is written down before the scan may take its time."""
    notebook = Notebook()

    class LookingScanner(Scanner):
        async def scan(self, text: str) -> CodeReport:
            assert notebook.of("wrote")[-1].text == CODE_ANSWER
            return await super().scan(text)

    await run(ScriptedModel(CODE_ANSWER), WordGuard(), turn(), notebook, code_shield=LookingScanner("warn"))
    (badge,) = notebook.code
    assert (badge.figure, badge.state) == (0, "findings")
    assert badge.found == (FoundLine(line=1, cwe="CWE-78", advice="No shell."),)


async def test_an_answer_with_grave_code_is_withheld_where_the_operator_says_so() -> None:
    notebook = await run(ScriptedModel(CODE_ANSWER), WordGuard(), turn(), code_shield=Scanner("block"), code="block")
    assert notebook.of("withheld") == ["output"]
    assert notebook.of("finished") == []
    assert notebook.original == CODE_ANSWER
    assert all("os.system" not in written.text for written in notebook.of("wrote"))


async def test_grave_code_is_only_named_where_the_operator_wants_a_warning() -> None:
    notebook = await run(ScriptedModel(CODE_ANSWER), WordGuard(), turn(), code_shield=Scanner("block"), code="warn")
    assert [badge.state for badge in notebook.code] == ["findings"]


async def test_code_that_nobody_wants_looked_through_is_not() -> None:
    class Unwanted(Scanner):
        async def scan(self, text: str) -> CodeReport:
            raise AssertionError("scanned")

    notebook = await run(ScriptedModel(CODE_ANSWER), WordGuard(), turn(), code_shield=Unwanted("block"), code="off")
    assert (len(notebook.of("finished")), notebook.code) == (1, ())
