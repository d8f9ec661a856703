"""Addresses of the library, under /library/."""

from django.urls import path

from webapp.library import adding_views, views

app_name = "library"

urlpatterns = [
    path("", views.library, name="list"),
    path("add/", adding_views.add, name="add"),
    path("states/", adding_views.states, name="states"),
    path("<uuid:document_id>/", views.document, name="document"),
    path("<uuid:document_id>/row/", adding_views.row, name="row"),
    path("<uuid:document_id>/rename/", adding_views.rename, name="rename"),
    path("<uuid:document_id>/delete/", adding_views.delete, name="delete"),
]
