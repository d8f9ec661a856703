"""What stands beside an answer, or in place of it, when the guard has something to say. Neutral, short, safe HTML."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Literal

from assistant.safety.help_lines import DIRECTORY_URL, help_line
from assistant.safety.taxonomy import plain_name
from assistant.safety.verdict import Verdict

Direction = Literal["input", "output"]
Kind = Literal["help_lines", "advice", "warning", "reduced_checking", "language"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One box beside an answer."""

    kind: Kind
    html: str

    def to_wire(self) -> dict[str, str]:
        return asdict(self)


def notices_for(verdict: Verdict, *, country: str) -> list[Notice]:
    """What to say beside an answer that is shown. Each kind once; nothing for a verdict that asks for nothing."""
    notices = []
    if verdict.action in ("inform", "warn"):
        if "self_harm" in verdict.violated:
            notices.append(Notice("help_lines", f"<p>{_help(country)}</p>"))
        if "specialized_advice" in verdict.violated:
            notices.append(Notice("advice", _ADVICE))
        if verdict.action == "warn":
            notices.append(Notice("warning", _warning(verdict)))
        if not verdict.violated:
            notices.append(Notice("language", _LANGUAGE))
    if verdict.is_degraded:
        notices.append(Notice("reduced_checking", _REDUCED))
    return notices


def merged(shown: Sequence[Notice], new: Sequence[Notice]) -> list[Notice]:
    """Those shown, and of the new ones the kinds that are not there yet."""
    kinds = {notice.kind for notice in shown}
    return [*shown, *(notice for notice in new if notice.kind not in kinds)]


def refusal_html(direction: Direction, verdict: Verdict, *, country: str) -> str:
    """What takes the place of a withheld answer. It names the rule and offers a way on."""
    if "self_harm" in verdict.violated:
        return f"<p>I can’t help with this, and I am glad you wrote. {_help(country)}</p>"
    names = [plain_name(slug) for slug in verdict.violated]
    about = f" It looks like it is about {escape(' and '.join(names))}." if names else ""
    if direction == "input":
        return (
            f"<p>I can’t help with this message.{about} If that is a misunderstanding, try saying it another way, "
            "or ask for a review.</p>"
        )
    return (
        f"<p>This answer was withheld by the safety check.{about} Ask in another way, ask something else, or ask for a "
        "review.</p>"
    )


def _help(country: str) -> str:
    """Somebody to talk to."""
    line = help_line(country)
    directory = f'<a href="{DIRECTORY_URL}" rel="noopener noreferrer" target="_blank">findahelpline.com</a>'
    if line is None:
        return (
            "If you are thinking of hurting yourself, please talk to somebody now: the emergency services, or a help "
            f"line near you, listed at {directory}."
        )
    return (
        "If you are thinking of hurting yourself, please talk to somebody now. "
        f"{escape(line.name)} listens, at <strong>{escape(line.number)}</strong>. Elsewhere: {directory}."
    )


def _warning(verdict: Verdict) -> str:
    names = escape(" and ".join(plain_name(slug) for slug in verdict.violated))
    return (
        f"<p>This touches on {names}. Please read it with care.</p>" if names else "<p>Please read this with care.</p>"
    )


_ADVICE = (
    "<p>This is general information. For a decision about your health, your rights or your money, ask somebody who "
    "knows your case.</p>"
)
_LANGUAGE = "<p>The safety check does not know this language well, so it is stricter, and may be wrong more often.</p>"
_REDUCED = "<p>The usual safety check is away for the moment. A simpler one read this.</p>"
