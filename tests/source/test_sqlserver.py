"""SQL Server's dialect against its text: no SQL Server runs here, so what is asked is held word for word."""

import json
from pathlib import Path

import pytest

from escrow.errors import SourceError
from escrow.source import sqlserver_catalog as catalog
from escrow.source.sql_model import Column, Form, Table
from escrow.source.sqlserver_dialect import form_of, line, quote_name, select_of, try_of, type_of

GOLDEN = Path(__file__).with_name("sqlserver.sql")
KINDS = (
    *("bit", "tinyint", "smallint", "int", "bigint", "real", "float", "decimal", "numeric", "money", "smallmoney"),
    *("date", "time", "datetime", "smalldatetime", "datetime2", "datetimeoffset", "uniqueidentifier", "sql_variant"),
    *("char", "varchar", "text", "nchar", "nvarchar", "ntext", "xml", "json", "hierarchyid"),
    *("binary", "varbinary", "image", "timestamp", "geography", "geometry", "clr"),
)
LENGTHS = {"char": 13, "varchar": -1, "nchar": 8, "nvarchar": 100, "varbinary": -1, "binary": 16}


def every_kind(key: tuple[str, ...]) -> Table:
    columns = tuple(
        Column(f"c {kind}", type_of(kind, LENGTHS.get(kind, 8), 19, 4), nullable=True, form=form_of(kind))
        for kind in KINDS
    )
    secret = Column("secret", "nvarchar(11) encrypted", nullable=True, form="hex")
    return Table("dbo", "a ]b[", (*columns, secret), key)


def queries() -> str:
    names = {f"{where}.{name}" for where in ("tables", "columns") for name in ("is_external", "is_memory_optimized")}
    names |= {"columns.is_masked", "columns.encryption_type", "columns.graph_type"}
    made = [select_of(every_kind(("c int", "c nvarchar"))), select_of(every_kind(())), try_of(every_kind(()))]
    made += [select_of(Table("dbo", "one", (Column("secret", "int encrypted", nullable=True, form="hex"),)))]
    for known in (names, set[str]()):
        made += [catalog._with(query, known) for query in (catalog._TABLES, catalog._COLUMNS)]
    return ";\n\n".join(made) + ";\n"


def test_what_is_asked_is_what_was_looked_at() -> None:
    assert queries() == GOLDEN.read_text("utf-8")


def test_names_cannot_break_out() -> None:
    assert quote_name("a]; DROP TABLE x --") == "[a]]; DROP TABLE x --]"
    assert quote_name("[") == "[[]"
    with pytest.raises(SourceError):
        quote_name("a\0b")


@pytest.mark.parametrize(
    ("value", "form", "shown"),
    [
        (None, "plain", ""),
        (None, "text", ""),
        (b"", "text", '""'),
        (b"", "hex", "\\x"),
        ('é"\n'.encode("utf-16-le"), "text", '"é""\n"'),
        ("🎓\0".encode("utf-16-le"), "text", '"🎓\0"'),
        (b"\x00\xff", "hex", "\\x00ff"),
        (True, "plain", "1"),
        (False, "plain", "0"),
        (-(2**63), "plain", "-9223372036854775808"),
        (0.1, "plain", "0.1"),
        (1.7976931348623157e308, "plain", "1.7976931348623157e+308"),
        ("-0.0010", "plain", "-0.0010"),
    ],
)
def test_a_value_is_kept_without_loss(value: object, form: Form, shown: str) -> None:
    assert line([value, None], [form, "plain"]) == shown.encode() + b",\n"


def test_half_a_pair_is_kept_as_it_is() -> None:
    data = line([b"\x00\xd8"], ["text"])
    assert data.decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass") == b'"\0\x00\xd8"\0\n\0'


@pytest.mark.parametrize(("value", "form"), [("text", "text"), (5, "hex"), ("é", "plain"), (b"\x01", "text")])
def test_what_a_driver_should_not_give_is_no_data(value: object, form: Form) -> None:
    with pytest.raises((TypeError, ValueError)):
        line([value], [form])


def read(**change: list[tuple[object, ...]]) -> tuple[dict[str, Table], tuple[str, ...]]:
    rows: dict[str, list[tuple[object, ...]]] = {
        "sys.all_columns": [],
        "FROM sys.tables": [(1, "dbo", "t", 0, 0)],
        "FROM sys.columns": [(1, "id", "int", 4, 10, 0, False, False, 0, None, None)],
        "FROM sys.indexes": [],
        "FROM sys.foreign_keys": [],
        "FROM sys.views": [("views", 0), ("synonyms", 0)],
        "FROM sys.security_predicates": [(0,)],
    }
    flags = {"sees_all": True, "unmasks": True}
    for name, value in change.items():
        if name in flags:
            flags[name] = bool(value)
        else:
            rows[next(key for key in rows if key.endswith(f".{name}"))] = value

    def ask(query: str) -> list[tuple[object, ...]]:
        return next(found for key, found in rows.items() if key in query)

    tables, said = catalog.read_tables(ask, **flags)
    return {table.name: table for table in tables}, said


def columns(**more: object) -> list[tuple[object, ...]]:
    names = ("computed", "masked", "cipher", "graph")
    return [(1, "id", more.get("kind", "int"), 4, 10, 0, False, *(more.get(name) for name in names))]


def test_masks_are_never_taken_for_data() -> None:
    assert read(columns=columns(masked=1))[0]["t"].unread == ""
    assert read(columns=columns(masked=1), unmasks=[])[0]["t"].unread == "masked"
    assert read(unmasks=[])[0]["t"].unread == ""


def test_what_may_hide_is_told() -> None:
    policies = [("security_predicates", "predicate_type")]
    assert read() == ({"t": Table("dbo", "t", (Column("id", "int", nullable=False, form="plain"),))}, ())
    assert "VIEW DEFINITION" in read(sees_all=[])[1][0]
    assert "may hide rows" in read(all_columns=policies, security_predicates=[(2,)])[1][0]
    foreign = [(1, "fk", "id", None, None, None), (1, "fk2", "id", None, None, None)]
    tables, said = read(foreign_keys=foreign)
    assert said == ("2 foreign keys point to tables that cannot be seen",)
    assert [key.to for key in tables["t"].foreign_keys] == [("",), ("",)]


def test_what_is_left_out_is_counted() -> None:
    tables, said = read(
        tables=[(1, "dbo", "t", 0, 0), (2, "dbo", "far", 1, 0), (3, "dbo", "memory", 0, 1)],
        views=[("views", 3), ("synonyms", 1)],
    )
    assert set(tables) == {"t", "memory"}
    assert tables["memory"].unread == "memory-optimized"
    assert said == ("3 views are left out", "1 synonyms are left out", "1 external tables are left out")


def test_columns_of_their_own_kind() -> None:
    (computed,) = read(columns=columns(computed=True))[0]["t"].columns
    assert computed.type == "int computed"
    tables, said = read(columns=columns(kind="nvarchar", cipher=1))
    assert (tables["t"].columns[0].form, said) == (
        "hex",
        ("1 columns are of Always Encrypted: only their bytes are stored",),
    )
    inner = [*columns(), (1, "graph_id_1", "bigint", 8, 19, 0, False, False, 0, None, 1)]
    shown = [*inner, (1, "$node_id_1", "nvarchar", 2000, 0, 0, True, True, 0, None, 2)]
    assert [one.name for one in read(columns=shown)[0]["t"].columns] == ["id", "$node_id_1"]


def test_keys_of_several_columns_keep_their_order() -> None:
    foreign = [(1, "fk", "b", "dbo", "u", "y"), (1, "fk", "a", "dbo", "u", "x")]
    tables, _ = read(indexes=[(1, "b"), (1, "a")], foreign_keys=foreign)
    assert tables["t"].key == ("b", "a")
    (key,) = tables["t"].foreign_keys
    assert (key.columns, key.to) == (("b", "a"), ("y", "x"))
    assert json.dumps(key.table) == '"u"'
