from django.urls import path

from webapp.accounts import views

urlpatterns = [
    path("guest/", views.become_guest, name="become_guest"),
]
