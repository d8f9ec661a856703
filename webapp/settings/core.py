"""Applications, middleware, templates, static files, language."""

from webapp.settings.environment import PROJECT_ROOT, environment

BASE_DIR = PROJECT_ROOT
DEBUG = False
SECRET_KEY = environment.secret_key.get_secret_value()
SECRET_KEY_FALLBACKS = environment.earlier_secret_keys
ALLOWED_HOSTS = environment.hosts
ROOT_URLCONF = "webapp.urls"
ASGI_APPLICATION = "webapp.asgi.application"

INSTALLED_APPS = [
    "unfold",  # before django.contrib.admin, whose templates it replaces
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "csp",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",  # its table is there without a provider too: what it says of people must be erasable
    "allauth.usersessions",
    "webapp.accounts",
    "webapp.chat",
    "webapp.library",
    "webapp.moderation",
    "webapp.experiments",
    "webapp.personal",
    "webapp.sharing",
    "webapp.privacy",
]
if environment.oidc:
    INSTALLED_APPS.append("webapp.accounts.single_sign_on")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # tokens are masked anew in each page, so its length tells nothing of them
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "webapp.accounts.middleware.PersonMiddleware",
    "webapp.personal.middleware.LanguageMiddleware",
    "webapp.personal.middleware.ClockMiddleware",
    "webapp.rate_limits.RateLimitMiddleware",
    "webapp.accounts.middleware.PasswordChangeMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "webapp.chat.middleware.TemporaryChatMiddleware",
    "webapp.moderation.middleware.AdminPolicyMiddleware",  # below the one that writes the header
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "webapp" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "webapp.chat.context.shell",
                "webapp.personal.context.appearance",
            ],
        },
    },
]

STATIC_URL = "/static/"
STATIC_ROOT = environment.var_dir / "static"
STATICFILES_DIRS = [BASE_DIR / "webapp" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "webapp.static_files.StaticFiles"},
}
WHITENOISE_ALLOW_ALL_ORIGINS = False  # nobody else shows our files
DATA_UPLOAD_MAX_NUMBER_FIELDS = 12_000  # an import names each chat that is wanted
MEDIA_ROOT = environment.var_dir / "media"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("es", "Español"), ("ar", "العربية")]
LOCALE_PATHS = [BASE_DIR / "webapp" / "locale"]
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "UTC"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
