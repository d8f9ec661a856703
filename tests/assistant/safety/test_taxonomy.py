from assistant.safety.taxonomy import CATEGORIES, CODES, UNKNOWN, plain_name


def test_each_llama_guard_numbers_the_categories_its_own_way():
    """A verdict stored as "S7" would change its meaning with the checkpoint."""
    assert CODES["llama_guard_2"]["S7"] == "intellectual_property"
    assert CODES["llama_guard_3"]["S7"] == "privacy"
    assert CODES["llama_guard_2"]["S11"] == CODES["llama_guard_3"]["S12"] == "sexual_content"


def test_llama_guard_2_leaves_out_three_categories():
    """It was trained before they were added."""
    assert len(CODES["llama_guard_2"]) == 11
    llama_guard_3 = set(CODES["llama_guard_3"].values())
    assert llama_guard_3 == set(CATEGORIES) - {"prompt_injection"}
    assert llama_guard_3 - set(CODES["llama_guard_2"].values()) == {"defamation", "elections", "code_interpreter_abuse"}


def test_every_category_has_a_name_for_people():
    """A person is told what a refusal was about, in words and not in slugs."""
    names = [plain_name(category) for category in CATEGORIES]
    assert len(set(names)) == len(CATEGORIES)
    assert not any("_" in name for name in names)
    assert plain_name(UNKNOWN) == "unsafe content"
