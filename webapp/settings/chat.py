"""How turns are run: limits, timings, sampling."""

from webapp.chat.config import TurnSettings
from webapp.settings.environment import environment

TURNS = TurnSettings(
    max_message_chars=environment.max_message_chars,
    messages_per_hour=environment.messages_per_hour,
    guest_messages_per_hour=environment.guest_messages_per_hour,
    pictures_per_day=environment.pictures_per_day,
    guest_pictures_per_day=environment.guest_pictures_per_day,
    max_running_per_person=environment.max_running_per_person,
    max_queued=environment.max_queued,
    num_workers=environment.num_workers,
    max_reply_tokens=environment.max_reply_tokens,
    context_tokens=environment.context_tokens,
    temperature=environment.temperature,
    top_p=environment.top_p,
    streaming=environment.guard_streaming,
    default_country=environment.country,
    has_canary=environment.prompt_canary,
)
