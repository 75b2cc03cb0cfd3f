"""Settings of every process. The environment is read here alone (docs/configuration.md)."""

import os
from pathlib import Path

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from core.embedded.layout import configured_data_dir
from core.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent


def env_text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def env_int(name: str, default: int) -> int:
    text = env_text(name)
    if not text:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {text!r}") from error


def env_bool(name: str, *, default: bool) -> bool:
    text = env_text(name, "1" if default else "0").lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {text!r}")


def env_list(name: str) -> list[str]:
    return [part.strip() for part in env_text(name).split(",") if part.strip()]


# --- where things are -----------------------------------------------------------------------
DATA_DIR = configured_data_dir(BASE_DIR)
HOST = env_text("ASSAY_HOST", "127.0.0.1")
PORT = env_int("ASSAY_PORT", 8000)
DATABASE_URL = env_text("DATABASE_URL")
PG_BIN = env_text("PG_BIN")
METRICS_TOKEN = env_text("ASSAY_METRICS_TOKEN")
CELERY_BROKER = env_text("CELERY_BROKER_URL")
CPUS = os.cpu_count() or 1
WEB_WORKERS = env_int("ASSAY_WEB_WORKERS", max(1, CPUS // 2))
DIGEST_WORKERS = env_int("ASSAY_DIGEST_WORKERS", max(1, CPUS))
ADMIN_USERNAME = env_text("ASSAY_ADMIN_USERNAME", "admin")
ADMIN_PASSWORD = env_text("ASSAY_ADMIN_PASSWORD")
DEMO_API_KEY = env_text("ASSAY_API_KEY")
DEMO = env_bool("ASSAY_DEMO", default=True)

# --- Django ---------------------------------------------------------------------------------
DEBUG = False
SECRET_KEY = env_text("ASSAY_SECRET_KEY") or DATA_DIR.secret_key()
BEHIND_TLS = env_bool("ASSAY_BEHIND_TLS", default=False)
TRUSTED_PROXIES = env_int("ASSAY_TRUSTED_PROXIES", 0)
OWN_HOST = f"[{HOST}]" if ":" in HOST else HOST  # as requests name it
ALLOWED_HOSTS = env_list("ASSAY_ALLOWED_HOSTS") or ["localhost", "127.0.0.1", "[::1]", OWN_HOST]
ROOT_URLCONF = "core.urls"
WSGI_APPLICATION = "core.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

INSTALLED_APPS = [
    "core.admin_site.AssayAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
    "core",
    "tracking",
    "prompts",
    "experiments",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "core.middleware.PrivateCacheMiddleware",
    "core.middleware.DoorsMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "core.context_processors.shell",
            ],
            "builtins": ["core.templatetags.formats", "core.templatetags.components"],
        },
    },
]

# One connection a thread, kept open: granian's threads are few and live for ever, so a pool would
# only add a check-out to every request.
DATABASES = {
    "default": {
        **(dj_database_url.parse(DATABASE_URL) if DATABASE_URL else DATA_DIR.database()),
        "ENGINE": "core.database",
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "project-list"
LOGOUT_REDIRECT_URL = "login"

# --- static files ---------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR.static
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Besides what is compressed already: source maps, which are most of the bytes and rarely asked for.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("gif", "png", "jpg", "webp", "woff", "woff2", "gz", "map")

# --- logs -----------------------------------------------------------------------------------
LOGGING = logging_config()

# --- security -------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
        "manifest-src": [SELF],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "core.views.csrf_failed"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
if BEHIND_TLS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    # No SECURE_SSL_REDIRECT: exporters take a redirect of an ingest path for success and lose the
    # batch, so the proxy redirects pages and core.checks says so.

# The redirect that is missed is the proxy's; core.checks asks for the proxy instead.
SILENCED_SYSTEM_CHECKS = ["security.W008"]

# --- ingestion ------------------------------------------------------------------------------
DATA_UPLOAD_MAX_MEMORY_SIZE = None  # bodies are read by tracking.receive under its own limits
INGEST_MAX_BYTES = 20 * 1024 * 1024
INGEST_MAX_ITEMS = 10_000
INGEST_HORIZON_DAYS = env_int("ASSAY_HORIZON_DAYS", 1_096)

# --- webhooks -------------------------------------------------------------------------------
# Lets webhooks reach private networks, and any port: for installations that trust their admins.
WEBHOOK_ALLOW_PRIVATE = env_bool("ASSAY_WEBHOOK_ALLOW_PRIVATE", default=False)

# --- API ------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["core.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["core.authentication.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["core.rate_limits.KeyRateThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "core.api.problem_response",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Assay",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}
