"""Django's engine for PostgreSQL whose connections are watched."""

from types import ModuleType
from typing import Any

import psycopg
from django.db.backends.postgresql import base

from core.database.watch import DEADLINE, WatchedConnection, watch

# The driver as it is, but for the class of its connections.
driver = ModuleType("psycopg")
vars(driver).update({**vars(psycopg), "connect": WatchedConnection.connect})


class DatabaseWrapper(base.DatabaseWrapper):
    Database = driver

    def get_connection_params(self) -> dict[str, Any]:
        parameters: dict[str, Any] = super().get_connection_params()
        if watch.is_on:
            parameters.setdefault("connect_timeout", DEADLINE)
        return parameters

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if not watch.is_on:
            return super().get_new_connection(conn_params)
        watch.refuse()
        try:
            return super().get_new_connection(conn_params)
        except psycopg.errors.ConnectionTimeout:
            watch.note_hang()
            raise
