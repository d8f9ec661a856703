"""Prompts, what is in production, experiments, who was in them, and what was measured."""

from webapp.experiments.models.experiments import (
    Allocation,
    Arm,
    Experiment,
    ExperimentEvent,
    Layer,
    LayerSlot,
    Phase,
    RampStep,
    Segment,
    Share,
)
from webapp.experiments.models.exposures import Exposure, ForcedArm, Holdout
from webapp.experiments.models.metrics import CohortStat, ExperimentMetric, Metric
from webapp.experiments.models.playground import PlaygroundRun, PlaygroundSession, PreferenceVote, TestTurn
from webapp.experiments.models.prompts import LabelChange, PromptApproval, PromptLabel, PromptVersion
from webapp.experiments.models.reports import Report
from webapp.experiments.models.serving import (
    ProductionChange,
    Serving,
    SettingsApproval,
    SettingsVersion,
    StarterSet,
)

__all__ = [
    "Allocation",
    "Arm",
    "CohortStat",
    "Experiment",
    "ExperimentEvent",
    "ExperimentMetric",
    "Exposure",
    "ForcedArm",
    "Holdout",
    "LabelChange",
    "Layer",
    "LayerSlot",
    "Metric",
    "Phase",
    "PlaygroundRun",
    "PlaygroundSession",
    "PreferenceVote",
    "ProductionChange",
    "PromptApproval",
    "PromptLabel",
    "PromptVersion",
    "RampStep",
    "Report",
    "Segment",
    "Serving",
    "SettingsApproval",
    "SettingsVersion",
    "Share",
    "StarterSet",
    "TestTurn",
]
