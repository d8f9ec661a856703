"""People: guests, sign-up, login, second factors, sessions, accounts elsewhere (django-allauth)."""

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
MFA_FORMS = {
    "authenticate": "webapp.accounts.second_factor_forms.AuthenticateForm",
    "reauthenticate": "webapp.accounts.second_factor_forms.ReauthenticateForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = not SENDS_MAIL
MFA_TOTP_ISSUER = "Cria"
MFA_TOTP_TOLERANCE = 1  # one code earlier or later: clocks differ, and typing takes time
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not environment.is_https

USERSESSIONS_TRACK_ACTIVITY = True

IDENTITY_PROVIDERS = {key: provider.name for key, provider in environment.oidc.items()}
SOCIALACCOUNT_ADAPTER = "webapp.accounts.single_sign_on.adapter.SingleSignOnAdapter"
SOCIALACCOUNT_FORMS = {"disconnect": "webapp.accounts.single_sign_on.forms.DisconnectForm"}
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "APPS": [
            {
                "provider_id": key,
                "name": provider.name,
                "client_id": provider.client_id,
                "secret": provider.client_secret.get_secret_value(),
                "settings": {"issuer": provider.issuer},
            }
            for key, provider in environment.oidc.items()
        ]
    }
}
