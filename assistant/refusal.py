"""What a person reads in place of an answer that the guard withheld. Neutral, short, and it names the rule."""

from html import escape
from typing import Literal

from assistant.safety.taxonomy import plain_name
from assistant.safety.verdict import Verdict


def refusal_html(direction: Literal["input", "output"], verdict: Verdict) -> str:
    """One paragraph of safe HTML."""
    names = [plain_name(slug) for slug in verdict.violated]
    about = f" It looks like it is about {escape(' and '.join(names))}." if names else ""
    if direction == "input":
        return (
            f"<p>I can’t help with this message.{about} If that is a misunderstanding, try saying it another way.</p>"
        )
    return f"<p>This answer was withheld by the safety check.{about} Ask in another way, or ask something else.</p>"
