"""One holdout at a time, whoever asks at the same moment."""

import pytest

from tests.webapp.experiments.team import member_of
from tests.webapp.moderation.making import at_once
from webapp.experiments.models import Holdout
from webapp.experiments.services import holdouts


@pytest.mark.django_db(transaction=True)
def test_of_two_that_begin_at_once_one_is_refused() -> None:
    ada = member_of("administrator", "ada")

    def begin(share: int) -> str:
        try:
            return str(holdouts.begin(share=share, by=ada).share)
        except holdouts.HoldoutOpen:
            return "refused"

    said = at_once(begin, [10, 20])
    assert sorted(said)[1] == "refused"
    assert Holdout.objects.get().share == int(sorted(said)[0])
