from django.apps import AppConfig


class TrackingConfig(AppConfig):
    name = "tracking"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # The doorbell learns whom to call, jobs how they are done.
        from core.health import register_check, register_metrics
        from core.refusals import register_counter
        from tracking import remapping, repricing, tasks  # noqa: F401
        from tracking.health import check_lag, ingestion_metrics
        from tracking.refusals import count_refusal

        register_counter(count_refusal)
        register_check("ingestion", check_lag)
        register_metrics(ingestion_metrics)
