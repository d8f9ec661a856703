"""Versions of the prompt: written once, approved by somebody else, compared word by word."""

from typing import Any

import pytest
from django.db.models.signals import pre_save
from hypothesis import given
from hypothesis import strategies as st

from assistant.prompt_text import SYSTEM_PROMPT, PromptTextError, content_hash
from tests.webapp.experiments.team import browser_for, member_of
from webapp.accounts.models import User
from webapp.experiments.example_prompt import assembled
from webapp.experiments.models import PromptApproval, PromptVersion
from webapp.experiments.services import approvals, prompts, versions
from webapp.experiments.text_diff import after_of, before_of, diff
from webapp.moderation.models import AuditEntry

pytestmark = pytest.mark.django_db

LIST = "/admin/experiments/promptversion/"
ADD = f"{LIST}add/"
TEXT = "You are Cria.\nToday is {{date}}."


@pytest.fixture
def author(db: None) -> User:
    return member_of("experimenter", "ada")


@pytest.fixture
def colleague(db: None) -> User:
    return member_of("experimenter", "grace")


def test_a_version_is_numbered_and_hashed(author: User) -> None:
    """The ends of lines are those of the text, whatever the browser sends."""
    first = prompts.create(f"  {TEXT}\n".replace("\n", "\r\n"), note="The day", author=author)
    second = prompts.create("Be brief.", note="Shorter", author=author, based_on=first)
    assert (first.number, second.number) == (1, 2)
    assert (first.text, first.content_hash) == (TEXT, content_hash(TEXT))
    assert second.based_on == first


def test_the_same_text_is_the_same_version(author: User) -> None:
    first = prompts.create(TEXT, note="The day", author=author)
    with pytest.raises(versions.Duplicate) as refused:
        prompts.create(f"{TEXT}\n", note="Again", author=author)
    assert refused.value.version == first


def test_two_who_save_at_once_both_have_a_version(author: User) -> None:
    """The number is taken when the row is written, though it was free when it was looked for."""
    num_met = 0

    def meet(instance: PromptVersion, **_signal: object) -> None:
        nonlocal num_met
        num_met += 1
        if num_met == 1:
            PromptVersion.objects.bulk_create(
                [PromptVersion(number=instance.number, content_hash="0" * 12, text="Another.", note="x")]
            )

    pre_save.connect(meet, sender=PromptVersion)
    try:
        version = prompts.create(TEXT, note="The day", author=author)
    finally:
        pre_save.disconnect(meet, sender=PromptVersion)
    assert num_met == 2
    assert version.text == TEXT


@pytest.mark.parametrize("text", ["", " \n", "Hello {{name}}", "Hello {{date", "x" * 20_001])
def test_what_no_answer_could_be_made_with_is_refused(author: User, text: str) -> None:
    with pytest.raises(PromptTextError):
        prompts.create(text, note="x", author=author)
    assert not PromptVersion.objects.exists()


def test_whoever_wrote_it_does_not_approve_it(author: User, colleague: User) -> None:
    version = prompts.create(TEXT, note="The day", author=author)
    with pytest.raises(approvals.OwnWork):
        approvals.approve(version, by=author)
    assert not approvals.is_approved(version)
    approvals.approve(version, by=colleague, note="Good")
    assert approvals.is_approved(version)
    assert not version.approvals.get().was_alone


def test_where_there_is_nobody_else_that_is_noted(author: User) -> None:
    """A colleague who has left, or who may not approve, is nobody else."""
    User.objects.create_user("gone", is_staff=True, is_superuser=True, is_active=False)
    member_of("moderator")
    version = prompts.create(TEXT, note="The day", author=author)
    approvals.approve(version, by=author)
    assert version.approvals.get().was_alone
    assert AuditEntry.objects.get(action="approve_prompt").details == {"was_alone": True}


def test_what_was_said_last_counts(author: User, colleague: User) -> None:
    version = prompts.create(TEXT, note="The day", author=author)
    approvals.approve(version, by=colleague)
    approvals.reject(version, by=colleague, note="It tells the wrong day")
    assert not approvals.is_approved(version)
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        *("write_prompt", "approve_prompt", "reject_prompt")
    ]


@pytest.mark.parametrize("role", ["member", "moderator"])
def test_prompts_are_the_business_of_those_who_experiment(role: str, author: User) -> None:
    version = prompts.create(TEXT, note="The day", author=author)
    browser = browser_for(member_of(role))
    for address in (LIST, ADD, f"{LIST}{version.pk}/change/"):
        assert browser.get(address).status_code in {302, 403}, address
    for address in ("judge", "label", "unlabel"):
        answer = browser.post(f"{LIST}{version.pk}/{address}/", {"answer": "approve", "name": "candidate"})
        assert answer.status_code in {302, 403}
    assert not PromptApproval.objects.exists()
    assert not version.labels.exists()


def test_without_a_label_the_built_in_prompt_is_shown(author: User) -> None:
    page = browser_for(author).get(LIST).content.decode()
    assert "Built-in" in page
    assert content_hash(SYSTEM_PROMPT) in page


def test_the_form_begins_with_production_and_makes_a_version(author: User) -> None:
    browser = browser_for(author)
    page = browser.get(ADD).content.decode()
    assert "You are Cria, a friendly and honest assistant." in page
    assert "{{weekday}}" in page
    browser.post(ADD, {"text": TEXT, "note": "The day"})
    made = PromptVersion.objects.get()
    assert (made.text, made.author, made.based_on) == (TEXT, author, None)
    browser.post(f"{ADD}?from=1", {"text": "Be brief.", "note": "Shorter", "based_on": made.pk})
    assert PromptVersion.objects.get(number=2).based_on == made


def test_a_text_that_makes_no_sense_comes_back_with_the_reason(author: User, settings: Any) -> None:
    browser = browser_for(author)
    page = browser.post(ADD, {"text": "Hello {{name}}", "note": "x"}).content.decode()
    assert "no variable of this name: name" in page
    assert "Hello {{name}}" in page
    long = browser.post(ADD, {"text": "word " * settings.TURNS.context_tokens, "note": "x"}).content.decode()
    assert "more than half" in long
    assert not PromptVersion.objects.exists()


def test_a_text_that_is_there_already_leads_to_its_version(author: User) -> None:
    version = prompts.create(TEXT, note="The day", author=author)
    answer = browser_for(author).post(ADD, {"text": TEXT, "note": "Again"})
    assert answer["Location"].endswith(f"/{version.pk}/change/")


def test_the_page_lets_a_colleague_approve_and_not_the_author(author: User, colleague: User) -> None:
    version = prompts.create(TEXT, note="The day", author=author)
    page, judge = f"{LIST}{version.pk}/change/", f"{LIST}{version.pk}/judge/"
    assert "a colleague approves it" in browser_for(author).get(page).content.decode()
    browser_for(author).post(judge, {"answer": "approve"})
    assert not approvals.is_approved(version)
    browser = browser_for(colleague)
    assert "Approve for production" in browser.get(page).content.decode()
    assert browser.get(judge).status_code == 302
    assert "what is missing" in browser.post(judge, {"answer": "reject"}).content.decode()
    assert not PromptApproval.objects.exists()
    browser.post(judge, {"answer": "approve", "note": "Good"})
    assert approvals.is_approved(version)


def test_the_page_shows_what_differs_in_the_text_and_in_all_the_model_reads(author: User) -> None:
    """By signs and words, not by colour alone."""
    first = prompts.create(TEXT, note="The day", author=author)
    second = prompts.create(TEXT.replace("Today", "Now"), note="Now", author=author, based_on=first)
    page = browser_for(author).get(f"{LIST}{second.pk}/change/").content.decode()
    assert "<del>Today</del> is {{date}}." in page
    assert "<ins>Now</ins> is {{date}}." in page
    assert "<ins>Now</ins> is 5 June 2026." in page
    assert "When do I prune apple trees?" in page
    against = browser_for(author).get(f"{LIST}{second.pk}/change/?against=built-in").content.decode()
    assert "a friendly and honest assistant" in against


def test_what_is_written_is_shown_and_not_run(author: User) -> None:
    version = prompts.create("<script>alert(1)</script>", note="<b>x</b>", author=author)
    page = browser_for(author).get(f"{LIST}{version.pk}/change/").content.decode()
    assert "<script>alert" not in page
    assert "<b>x</b>" not in page


def test_the_list_does_not_ask_for_each_row(author: User, django_assert_max_num_queries: Any) -> None:
    for number in range(20):
        prompts.create(f"Prompt {number}", note="x", author=author)
    browser = browser_for(author)
    with django_assert_max_num_queries(25):
        assert "Prompt 20" in browser.get(LIST).content.decode()


def test_the_example_has_everything_a_prompt_can_have() -> None:
    whole = assembled("It is {{date}}, a {{weekday}}.")
    for part in ("It is 5 June 2026, a Friday.", "physics", "Pruning:", "clover", "[assistant]"):
        assert part in whole


LINES = st.text(alphabet="ab c.\n", max_size=60)


@given(before=LINES, after=LINES)
def test_a_difference_holds_both_texts(before: str, after: str) -> None:
    """Following it from either leads to the other, and what is not marked as changed is on both sides."""
    lines = diff(before, after)
    assert before_of(lines) == before
    assert after_of(lines) == after
    if before == after:
        assert {line.sign for line in lines} == {"same"}


def test_a_long_text_of_one_line_over_and_over_does_not_take_for_ever() -> None:
    lines = diff("\n".join(["a b"] * 4000), "\n".join(["a b"] * 3999 + ["c"]))
    assert after_of(lines).endswith("\nc")
