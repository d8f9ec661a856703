"""No model refers to a person without somebody having decided what becomes of it."""

import pytest
from django.apps import apps

from tests.webapp.privacy.conftest import make_everything, make_member
from webapp.accounts.models import User
from webapp.privacy.rules import RULES, relations, rows_of

pytestmark = pytest.mark.django_db


def test_every_relation_to_a_person_has_a_rule() -> None:
    """Whoever adds a model that refers to a user says here what erasure does with it."""
    named = {name for name, _model, _field in relations()}
    assert named - set(RULES) == set(), "add a rule in webapp/privacy/rules.py"
    assert set(RULES) - named == set(), "these rules are about nothing"


def test_what_stays_says_why_and_can_name_nobody() -> None:
    """A person who asks gets a reason; a rule that the table refuses would fail on the day it is needed."""
    for name, model, field in relations():
        if RULES[name].deed == "anonymise":
            assert RULES[name].reason, name
            assert model._meta.get_field(field).null, name


def test_the_test_of_erasure_makes_one_of_everything(member: User) -> None:
    """Else it could find nothing left of what never was."""
    make_everything(member, make_member("grace"))
    missing = [name for name, model, field in relations() if not rows_of(model, field, member).exists()]
    assert missing == [], "make one in tests/webapp/privacy/conftest.py"


# Models of which the test of erasure makes none, because no row of theirs can lead to a person.
ABOUT_NOBODY = {
    "chat.Heartbeat",
    "experiments.CohortStat",
    "experiments.ExperimentMetric",
    "experiments.PromptLabel",
    "experiments.RampStep",
    "experiments.Share",
    "privacy.ErasureReceipt",
}


def test_the_test_of_erasure_has_a_row_in_every_table(member: User) -> None:
    """A column may hold somebody's id without being a relation: that is seen only in a row."""
    make_everything(member, make_member("grace"))
    ours = [model for model in apps.get_models() if model.__module__.startswith("webapp.")]
    empty = {model._meta.label for model in ours if not model._base_manager.exists()}
    assert sorted(empty - ABOUT_NOBODY) == [], "make one in tests/webapp/privacy/conftest.py"
