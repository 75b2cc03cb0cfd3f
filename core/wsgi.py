import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
application = get_wsgi_application()

from core.database.watch import watch  # noqa: E402 -- needs the settings

watch.is_on = True  # those who ask a web server are waiting
