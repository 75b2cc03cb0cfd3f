"""Django's engine for PostgreSQL, with an eye on servers that hang (core.database.watch)."""
