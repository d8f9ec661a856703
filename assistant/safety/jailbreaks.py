"""What no Llama Guard looks for: attempts to talk the model out of its instructions, and harm written in a disguise.

    message ──▶ Llama Guard                             is it harmful?
       ├─ each disguise, undone ──▶ Llama Guard         is it harmful once it is readable?
       └─ all readings ──▶ the embedded classifier      does it talk to the model?
                └──▶ rules, half as much                does it say so in words that are known?

    answer ──▶ Llama Guard, with each disguise undone

The embedded guard reads all of this undone by itself, and knows jailbreaks by its classifier, without the rules.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from assistant.errors import GuardUnavailable
from assistant.ports import ChatMessage, Guard
from assistant.safety.embedded import Scorer, scores_of_message, worst_of
from assistant.safety.injection import orders, together
from assistant.safety.joining import joined, with_scores
from assistant.safety.normalise import disguises
from assistant.safety.policy import Direction, Policy
from assistant.safety.taxonomy import PROMPT_INJECTION
from assistant.safety.verdict import Verdict

logger = logging.getLogger(__name__)

RULES_COUNT = 0.5
"""People may well give orders to their assistant: what the rules find supports the classifier and blocks nothing."""


@dataclass(frozen=True, slots=True)
class _Jailbreak:
    """`is_whole`: the classifier has read along, and not the rules alone."""

    score: float
    scored_by: str = ""
    is_whole: bool = True


class WithJailbreaks:
    """Another guard that is shown every disguise undone, with the embedded classifier beside it on messages.

    Each reading is a call of the guard: most texts have one, and none more than `views` makes.

    `is_required` says that nothing passes while the classifier is away; else the rules stand in for it, and the
    verdict says that less was checked.
    """

    def __init__(self, guard: Guard, scorer: Scorer, *, policy: Policy, is_required: bool) -> None:
        self._guard = guard
        self._scorer = scorer
        self._policy = policy
        self._is_required = is_required or PROMPT_INJECTION in policy.closed

    async def check(self, conversation: Sequence[ChatMessage]) -> Verdict:
        """Raises GuardUnavailable as the guard does, and where the classifier is required and away."""
        *before, message = conversation
        direction: Direction = "input" if message.role == "user" else "output"
        readings = (message.text, *disguises(message.text))
        try:
            async with asyncio.TaskGroup() as asked:
                judging = [
                    asked.create_task(self._guard.check((*before, replace(message, text=reading, token_ids=()))))
                    for reading in readings
                ]
                looking = asked.create_task(self._jailbreak(conversation)) if direction == "input" else None
        except ExceptionGroup as failed:
            _, mistakes = failed.split(GuardUnavailable)
            raise (mistakes or failed).exceptions[0] from failed
        verdict = self._strictest([task.result() for task in judging], direction)
        return verdict if looking is None else self._with_jailbreak(verdict, looking.result())

    def _strictest(self, verdicts: Sequence[Verdict], direction: Direction) -> Verdict:
        verdict, *others = verdicts
        for other in others:
            decisive = {} if other.is_unchecked else other.categories
            found = joined(verdict, decisive, direction, policy=self._policy)
            verdict = replace(
                with_scores(found, other.categories),
                score=max(verdict.score, other.score),
                is_degraded=verdict.is_degraded or other.is_degraded,
                is_unchecked=verdict.is_unchecked or other.is_unchecked,
            )
        return verdict

    def _with_jailbreak(self, verdict: Verdict, jailbreak: _Jailbreak) -> Verdict:
        found = joined(verdict, {PROMPT_INJECTION: jailbreak.score}, "input", policy=self._policy)
        readers = dict.fromkeys(filter(None, (verdict.guard_id, jailbreak.scored_by)))
        return replace(
            found, guard_id=" + ".join(readers)[:100], is_degraded=verdict.is_degraded or not jailbreak.is_whole
        )

    async def _jailbreak(self, conversation: Sequence[ChatMessage]) -> _Jailbreak:
        by_rules = orders(conversation[-1].text) * RULES_COUNT
        try:
            scores = await scores_of_message(self._scorer, conversation)
        except GuardUnavailable as error:
            if self._is_required:
                raise
            logger.error("jailbreaks_degraded", extra={"error": str(error)})
            return _Jailbreak(by_rules, is_whole=False)
        score = worst_of(scores.rows).get(PROMPT_INJECTION, 0.0)
        return _Jailbreak(together(by_rules, score), scored_by=scores.model_id)
