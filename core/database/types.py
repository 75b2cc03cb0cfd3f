"""What the types of PostgreSQL's columns hold."""

MAX_INT4 = 2**31 - 1  # integer, of version numbers and plans
