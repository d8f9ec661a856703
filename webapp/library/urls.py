"""Addresses of the library, under /library/."""

from django.urls import path

from webapp.library import views

app_name = "library"

urlpatterns = [
    path("", views.library, name="list"),
    path("<uuid:document_id>/", views.document, name="document"),
]
