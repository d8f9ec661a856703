"""Calculates: "What is 17% of 2,340?", "sqrt(2) * 3^4"."""

import re

from assistant.tools.arithmetic import FUNCTIONS, MAX_CHARS, NoArithmetic, as_expression, evaluate
from assistant.tools.numbers import written
from assistant.tools.questions import bare
from assistant.tools.tool import Arguments, Tool, ToolFailed, ToolResult, ToolServices, object_schema, text_of
from assistant.tools.wordings import asked_in, wording_of
from assistant.tools.wordings.wording import Wording

_ASKED = re.compile(r"^(?:what(?:'s| is| are)|how much (?:is|are)|what do you get for)\s+", re.IGNORECASE)
_ALLOWED = re.compile(rf"(?:[\d\s.+\-*/(),]|\b(?:{'|'.join(sorted(FUNCTIONS))})\(|\bpi\b)+")
_IS_SUM = re.compile(r"[\d)]\s*(?:\*\*|//|[+*/-])\s*[(\d.a-z]|[a-z0-9]\(\s*[\d(p-]", re.IGNORECASE)
_LOOKS_LIKE_SOMETHING_ELSE = re.compile(
    r"\d{1,4}-\d{1,2}-\d{1,4}|\d{1,2}/\d{1,2}/\d{2,4}|\d{3,}-\d{3,}|(?:\d+\s*-\s*){2,}\d+|(?<!\d)\d{1,2}\.\d{1,2}\.\d{2,4}"
    r"|\d+[.]\d+[.]\d+|^\s*\d{1,2}/\d{1,2}\s*$|^\s*\d+\s*-\s*\d+\s*$",
)
_PERCENTAGE = re.compile(r"\s*\(\d[\d.]*/100\)\s*")
_NO_SUM = re.compile(r"\d{1,2}/\d{1,2}/\d{4}|24/7|9/11|50/50|20/20|80/20")  # whoever asks what it is wants no number


def tool(services: ToolServices) -> Tool:
    return Tool(
        name="calculator",
        title="Used the calculator",
        description="Works out arithmetic exactly: + - * / ** %, brackets, sqrt, log, sin and so on, '17% of 2340'.",
        parameters=object_schema(expression={"type": "string", "maxLength": MAX_CHARS}),
        detect=detect,
        run=calculate,
        show=lambda arguments: str(arguments.get("expression", "")),
    )


def detect(message: str) -> Arguments | None:
    """A message that is arithmetic and nothing else. Dates, scores and phone numbers only look like it."""
    text = bare(message)
    asked = _ASKED.sub("", text)
    if _is_sum(asked, as_expression(asked), is_asked=asked != text):
        return {"expression": asked}
    for language, wording, text in asked_in(message):
        asked = wording.sum_begins.sub("", text)
        is_asked = asked != text
        if (is_asked or not wording.signs_need_it) and _is_sum(asked, _expression(asked, wording), is_asked=is_asked):
            return {"expression": asked, "language": language}
    return None


def _is_sum(asked: str, expression: str, *, is_asked: bool) -> bool:
    if (_LOOKS_LIKE_SOMETHING_ELSE.search(asked) and not is_asked) or _NO_SUM.fullmatch(asked):
        return False
    if not _ALLOWED.fullmatch(expression) or not _IS_SUM.search(expression) or _PERCENTAGE.fullmatch(expression):
        return False
    try:
        evaluate(expression)
    except NoArithmetic as error:
        return "zero" in str(error)
    return True


async def calculate(arguments: Arguments) -> ToolResult:
    asked = text_of(arguments, "expression", max_chars=MAX_CHARS)
    wording = wording_of(arguments.get("language"))
    try:
        value = evaluate(_expression(asked, wording))
        result = wording.written(value) if wording else written(value)
    except ValueError as error:
        raise ToolFailed(str(error)) from error
    shown = _shown(asked)
    return ToolResult(text=f"{shown} = **{result}**", short=f"{shown} = {result}", is_answer=True)


def _expression(asked: str, wording: Wording | None) -> str:
    """ "" where a number in it could be two."""
    return as_expression((wording.in_english(asked) or "") if wording else asked)


def _shown(asked: str) -> str:
    """As it was asked, in the signs of print rather than those of a keyboard."""
    shown = re.sub(r"\s*\*\*\s*", "^", asked)
    shown = re.sub(r"(?<=[\d)])\s*[*x]\s*(?=[\d(a-z])", " × ", shown)
    return re.sub(r"(?<=[\d)])\s*([+/-])\s*(?=[\d(])", r" \1 ", shown)
