"""Runs the migrations on the connection that `gateway.database.migrate` hands over, inside its transaction."""

from alembic import context

from gateway.database.naming import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
