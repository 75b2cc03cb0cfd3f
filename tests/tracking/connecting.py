"""Connections of one's own to the tests' database, and a database that takes no writes."""

from django.db import connection


def own_parameters():
    parameters = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port")
    return {name: parameters[name] for name in names if parameters.get(name)}


def set_read_only(value):
    name = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = off")
        cursor.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {value}')
    connection.close()
