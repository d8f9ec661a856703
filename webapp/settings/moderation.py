"""How moderation runs: what is kept for how long, and how much is looked at twice."""

from webapp.moderation.config import ModerationSettings

MODERATION = ModerationSettings()
