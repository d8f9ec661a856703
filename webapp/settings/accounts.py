"""People: guests, sign-up, login (django-allauth)."""

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"
LOGIN_URL = "account_login"

ACCOUNT_ADAPTER = "webapp.accounts.adapter.GuestKeepingAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USERNAME_BLACKLIST = ["admin"]  # usernames are made from addresses; this one belongs to `ensure_admin`
ACCOUNT_EMAIL_VERIFICATION = "none"  # no mail server is at hand by default; an operator who has one sets it
ACCOUNT_SESSION_REMEMBER = True
