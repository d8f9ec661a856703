"""What a policy in shadow would have withheld."""

from assistant.safety import fail_open
from assistant.safety.policy import DEFAULT_POLICY
from webapp.experiments.services.shadows import would_block
from webapp.moderation.models import Verdict


def test_what_passed_unchecked_was_judged_by_no_policy() -> None:
    """The scores of a lesser guard stand beside it; counted in the arm in shadow alone, they would make it stricter."""
    judged = Verdict(direction="output", action="allow", categories={"hate": 1.0}, policy_version="1")
    unchecked = Verdict(
        direction="output", action="allow", categories={"hate": 1.0}, policy_version=fail_open.POLICY_VERSION
    )
    assert would_block(DEFAULT_POLICY, judged)
    assert not would_block(DEFAULT_POLICY, unchecked)
