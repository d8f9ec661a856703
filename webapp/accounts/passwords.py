"""What a password must be, beyond Django's own rules."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


class NotTheGivenPassword:
    """Somebody who has to choose a password of their own cannot choose the one that was given to them."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        if getattr(user, "must_change_password", False) and user and check_password(password, user.password):
            raise ValidationError(_("Choose another password than the one you were given."), code="password_given")

    def get_help_text(self) -> str:
        return _("Your password can’t be one that somebody else has chosen for you.")
