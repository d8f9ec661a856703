from django.urls import path

from webapp.chat import views

urlpatterns = [
    path("", views.new_chat, name="new_chat"),
    path("c/<uuid:conversation_id>/", views.chat, name="chat"),
    path("c/<uuid:conversation_id>/turns/", views.turns, name="turns"),
    path("c/<uuid:conversation_id>/rename/", views.rename, name="rename"),
    path("c/<uuid:conversation_id>/delete/", views.delete, name="delete"),
    path("conversations/", views.conversations, name="conversations"),
    path("about/", views.about, name="about"),
]
