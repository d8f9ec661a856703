from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    name = "webapp.chat"
    label = "chat"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        from webapp.chat.services import embedding_rows, search_sqlite  # models are there only now

        for kept_by_triggers in (search_sqlite, embedding_rows):
            pre_migrate.connect(kept_by_triggers.before_migrations, sender=self)
            post_migrate.connect(kept_by_triggers.after_migrations, sender=self)
