"""Experiments in the administration: each module registers its own pages."""

from webapp.experiments import (  # noqa: F401
    experiment_admin,
    holdout_admin,
    layer_admin,
    metric_admin,
    playground_admin,
    prompt_admin,
    segment_admin,
    settings_admin,
    starter_admin,
    test_turn_admin,
)
