"""Why a memory is not kept or changed.

PersonalError
├── NoSuchMemory   absent or not yours: the same
└── TooManyMemories
"""


class PersonalError(Exception):
    pass


class NoSuchMemory(PersonalError):
    pass


class TooManyMemories(PersonalError):
    pass
