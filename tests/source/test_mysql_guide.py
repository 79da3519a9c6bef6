"""The GRANTs of the guide for MariaDB, as they stand there: enough to read, and for nothing else."""

import re
from pathlib import Path

import pymysql
import pytest

from escrow.seal import Secret
from escrow.source.mysql import MySqlSnapshot
from escrow.source.sql import SqlSource
from escrow.source.sql_address import Address
from tests.servers.databases import Server, mariadb_admin

from .mysql_kit import base
from .sql_kit import read

GUIDE = Path(__file__).parents[2] / "docs" / "guide-sql.md"


def test_the_guides_grants_read_all_tables_and_write_none(mariadb: Server) -> None:
    (block,) = re.findall(r"^```console\n(CREATE USER .*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    with base(mariadb, "CREATE TABLE pupil (id int PRIMARY KEY)", "INSERT INTO pupil VALUES (1)", grant=False) as one:
        text = block.replace("fernhill", one.name).replace("'%'", "'127.0.0.1'")
        with mariadb_admin(mariadb) as admin, admin.cursor() as cursor:
            for statement in text.strip().removesuffix(";").split(";\n"):
                cursor.execute(statement)
        try:
            address = Address("127.0.0.1", mariadb.port, one.name, "escrow_reader", lambda: Secret(b"PASSWORD"), "off")
            found = read(SqlSource("mis", lambda: MySqlSnapshot(address)))
            assert found.unread == {}
            assert found.files[f"{one.name}.pupil.csv"] == b'"id"\n1\n'
            with (
                pymysql.connect(
                    host="127.0.0.1", port=mariadb.port, user="escrow_reader", password="PASSWORD", database=one.name
                ) as run,
                run.cursor() as cursor,
                pytest.raises(pymysql.err.OperationalError, match="denied"),
            ):
                cursor.execute("DELETE FROM pupil")
        finally:
            with mariadb_admin(mariadb) as admin, admin.cursor() as cursor:
                cursor.execute("DROP USER escrow_reader@'127.0.0.1'")
