"""What can stand in the way of somebody's wishes about their data.

PrivacyError
├── NotThisAccount     staff are deactivated by a colleague, so that what they did stays under their name
└── NotFound           no such export or receipt, or not theirs, alike
"""

from django.utils.translation import gettext as _


class PrivacyError(Exception):
    code = "privacy"


class NotThisAccount(PrivacyError):
    code = "staff_account"

    def __str__(self) -> str:
        return _("Accounts of the staff are not deleted here. A superuser has to take your role away first.")


class NotFound(PrivacyError):
    code = "not_found"
