from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "webapp.accounts"
    label = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from webapp.accounts.adapter import bring_guest_along
        from webapp.accounts.roles import grant_roles

        user_logged_in.connect(bring_guest_along, dispatch_uid="bring_guest_along")
        post_migrate.connect(grant_roles, dispatch_uid="grant_roles")
