from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from core import checks  # noqa: F401 -- registers them
        from core.jobs import register_bell
        from core.tasks import call_jobs

        register_bell(call_jobs)
