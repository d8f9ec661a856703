"""`manage.py ensure_admin`: somebody who can log in to the administration, made once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils.crypto import get_random_string

from webapp.accounts.models import User
from webapp.settings.environment import environment

USERNAME = "admin"
UNAMBIGUOUS = "abcdefghjkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXY346789"


class Command(BaseCommand):
    help = "Makes the administrator with a one-time password, printed this once. Does nothing where one exists."

    def handle(self, *_args: Any, **_options: Any) -> None:
        if User.objects.filter(is_superuser=True, is_active=True).exists():
            return
        if User.objects.filter(username=USERNAME).exists():
            raise CommandError(
                f'A person named "{USERNAME}" exists and cannot administer anything. '
                "Make an administrator of another name: manage.py createsuperuser"
            )
        password = get_random_string(16, UNAMBIGUOUS)
        User.objects.create_superuser(USERNAME, password=password, must_change_password=True)
        self.stdout.write(f"Administrator: {USERNAME} / {password}")
        self.stdout.write(f"Log in at {environment.address}{reverse('admin:index')} and choose a password of your own.")
