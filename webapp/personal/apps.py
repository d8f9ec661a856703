from django.apps import AppConfig


class PersonalConfig(AppConfig):
    name = "webapp.personal"
    label = "personal"
