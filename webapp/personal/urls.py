from django.urls import path

from webapp.personal import memory_views, views

urlpatterns = [
    path("", views.index, name="settings"),
    path("general/", views.general, name="settings_general"),
    path("keys/", views.keys, name="settings_keys"),
    path("theme/", views.choose_theme, name="choose_theme"),
    path("assistant/", views.assistant, name="settings_assistant"),
    path("assistant/preview/", views.preview, name="preview_prompt"),
    path("memory/", memory_views.memory, name="settings_memory"),
    path("memory/use/", memory_views.use, name="memory_use"),
    path("memory/add/", memory_views.add, name="memory_add"),
    path("memory/forget-all/", memory_views.forget_all, name="memory_forget_all"),
    path("memory/<uuid:memory_id>/edit/", memory_views.edit, name="memory_edit"),
    path("memory/<uuid:memory_id>/forget/", memory_views.forget, name="memory_forget"),
]
