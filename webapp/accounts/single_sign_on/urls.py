"""Named as allauth looks for them. `provider_id` is the name in CRIA_OIDC."""

from django.urls import path

from webapp.accounts.single_sign_on import views

urlpatterns = [
    path("oidc/<slug:provider_id>/login/", views.login, name="openid_connect_login"),
    path("oidc/<slug:provider_id>/login/callback/", views.callback, name="openid_connect_callback"),
]
