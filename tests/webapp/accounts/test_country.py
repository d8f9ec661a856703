import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.accounts.models import User
from webapp.accounts.services.country import country_for, country_of, remember_country


@pytest.mark.parametrize(
    ("header", "country"),
    [
        ("en-GB,en;q=0.9", "GB"),
        ("de, en-US;q=0.7", "US"),
        ("pt-br", "BR"),
        ("zh-Hant-TW,zh;q=0.8", "TW"),
        ("de-AT;q=0.9", "AT"),
        ("es-419,es;q=0.9", ""),
        ("de-1996", ""),
        ("en", ""),
        ("*", ""),
        ("", ""),
    ],
)
def test_the_region_of_the_first_language_that_has_one(header: str, country: str) -> None:
    """A number is a part of the world and no country."""
    assert country_of(header) == country


@given(st.text())
def test_any_header_is_read(header: str) -> None:
    """Whatever a client sends."""
    assert len(country_of(header)) in {0, 2}


def test_it_is_kept_and_only_changes_for_another(db: None) -> None:
    """A browser that says nothing does not wipe what was known."""
    person = User.objects.create_user("ada")
    assert country_for(person.pk, default="DE") == "DE"
    remember_country(person, "en-GB")
    remember_country(person, "en")
    assert country_for(person.pk, default="DE") == "GB"
    remember_country(person, "fr-FR")
    assert country_for(person.pk, default="DE") == "FR"
