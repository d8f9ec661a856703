"""People: guests, sign-up, login, second factors, sessions (django-allauth)."""

from webapp.settings.environment import environment

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"
LOGIN_URL = "account_login"

SENDS_MAIL = bool(environment.email_url.get_secret_value())
GUEST_DAYS = environment.guest_days

ACCOUNT_ADAPTER = "webapp.accounts.adapter.GuestKeepingAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USERNAME_BLACKLIST = ["admin"]  # usernames are made from addresses; this one belongs to `ensure_admin`
# Without a mail server nobody could confirm an address, so nothing hangs on it.
ACCOUNT_EMAIL_VERIFICATION = "optional" if SENDS_MAIL else "none"
ACCOUNT_CHANGE_EMAIL = True  # one address for each person: the new one takes the place of the old
ACCOUNT_FORMS = {"add_email": "webapp.accounts.forms.ChangeEmailForm"}
ACCOUNT_EMAIL_NOTIFICATIONS = SENDS_MAIL
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True

MFA_ADAPTER = "webapp.accounts.second_factors.SealingAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = not SENDS_MAIL
MFA_TOTP_ISSUER = "Cria"
MFA_TOTP_TOLERANCE = 1  # one code earlier or later: clocks differ, and typing takes time
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not environment.is_https

USERSESSIONS_TRACK_ACTIVITY = True
