from allauth.account.signals import password_reset
from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "webapp.accounts"
    label = "accounts"
    verbose_name = _("People")

    def ready(self) -> None:
        from webapp.accounts.adapter import bring_guest_along
        from webapp.accounts.roles import grant_roles
        from webapp.accounts.services.elsewhere import take_away_unproven

        user_logged_in.connect(bring_guest_along, dispatch_uid="bring_guest_along")
        password_reset.connect(take_away_unproven, dispatch_uid="take_away_unproven")
        post_migrate.connect(grant_roles, dispatch_uid="grant_roles")
