"""How turns are run: limits, timings, sampling."""

from webapp.chat.config import TurnSettings
from webapp.settings.environment import environment

TURNS = TurnSettings(
    max_message_chars=environment.max_message_chars,
    max_running_per_person=environment.max_running_per_person,
    max_queued=environment.max_queued,
    max_reply_tokens=environment.max_reply_tokens,
    context_tokens=environment.context_tokens,
    temperature=environment.temperature,
    top_p=environment.top_p,
    streaming=environment.guard_streaming,
    default_country=environment.country,
)
