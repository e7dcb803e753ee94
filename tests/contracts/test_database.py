"""What every database keeps, whichever engine is behind it."""

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, Table, Text, select

from gateway.database.engine import Database

drawer = Table(
    "drawer",
    MetaData(),
    Column("name", Text, primary_key=True),
    Column("count", BigInteger),
    Column("blob", LargeBinary),
)


async def test_what_was_written_is_read_back(database: Database) -> None:
    await database.write(drawer.create)

    await database.write(lambda connection: connection.execute(drawer.insert().values(name="a", count=1)))

    assert await database.read(lambda connection: connection.execute(select(drawer.c.count)).scalar_one()) == 1
