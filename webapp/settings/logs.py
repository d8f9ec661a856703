"""Structured logs: coloured lines for people, JSON for machines. Ids and numbers, never what a person wrote."""

from webapp.settings.environment import environment
from webapp.structured_logs import configure

LOGGING_CONFIG = None
configure(log_format=environment.log_format, level=environment.log_level)
