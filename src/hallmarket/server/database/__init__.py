"""PostgreSQL: the embedded one, connections, migrations and the loader of named queries."""
