"""The statistics engine: pure functions over sufficient statistics, no Django anywhere inside."""

METHOD_VERSION = "assay-stats-1"
"""Stored with every result. Changes whenever a number could."""
