"""Empty of imports: the supervisor lives in this package and must not load Celery or Django."""
