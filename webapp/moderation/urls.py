from django.urls import path

from webapp.moderation import views

urlpatterns = [
    path("", views.transparency, name="safety"),
    path("mine/", views.mine, name="my_safety"),
    path("turns/<uuid:reply_id>/review/", views.review, name="review"),
    path("turns/<uuid:reply_id>/appeal/", views.appeal, name="appeal"),
    path("turns/<uuid:reply_id>/report/", views.report, name="report"),
]
