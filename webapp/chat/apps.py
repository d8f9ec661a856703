from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class ChatConfig(AppConfig):
    name = "webapp.chat"
    label = "chat"
    verbose_name = "Conversations"

    def ready(self) -> None:
        from webapp.chat.services import search_sqlite  # models are there only now

        pre_migrate.connect(search_sqlite.before_migrations, sender=self)
        post_migrate.connect(search_sqlite.after_migrations, sender=self)
