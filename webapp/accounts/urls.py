from django.urls import path

from webapp.accounts import views

urlpatterns = [
    path("guest/", views.become_guest, name="become_guest"),
    path("accounts/sessions/<int:session_id>/end/", views.end_session, name="end_session"),
]
