"""The settings of the site, for one test other than the environment has them."""

import pytest

from webapp.settings.environment import Environment, environment


def change_settings(monkeypatch: pytest.MonkeyPatch, **changed: object) -> None:
    """By the names of `Environment`, wherever they are read: there is one, and it is frozen."""
    for name, value in changed.items():
        assert name in Environment.model_fields, name
        monkeypatch.setitem(environment.__dict__, name, value)
