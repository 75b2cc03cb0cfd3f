"""Runs of several agents (Dogpile): lists, one run, the board of benchmarks; pages and API."""
