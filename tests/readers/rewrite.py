"""Changes tables of a lake as other programs do.

usage: rewrite.py < JOBS    a JSON array of objects with `lake`, `table`, `how`, and what that needs

`delete`, `update`, `compact` and `z_order` are done by deltalake. The others store the rows of every file again in other
types or in reversed order, and commit that as Spark's OPTIMIZE does: without a change of data, unless `data_change` is set.
"""

import json
import os
import sys
import uuid

import pyarrow
import pyarrow.compute
import pyarrow.parquet
from deltalake import DeltaTable


def by_type(table, of):
    """`table` with each column cast to what `of` gives for its type; None leaves it as it is."""
    for at, field in enumerate(table.schema):
        kind = of(field.type)
        if kind is not None:
            table = table.set_column(at, field.name, table.column(at).cast(kind))
    return table


def large(kind):
    if pyarrow.types.is_string(kind):
        return pyarrow.large_string()
    if pyarrow.types.is_binary(kind):
        return pyarrow.large_binary()
    if pyarrow.types.is_list(kind):
        return pyarrow.large_list(large(kind.value_type) or kind.value_type)
    return None


def narrow(kind):
    """Dictionaries, milliseconds, and decimals in 8 bytes."""
    if pyarrow.types.is_string(kind):
        return pyarrow.dictionary(pyarrow.int32(), kind)
    if pyarrow.types.is_timestamp(kind):
        return pyarrow.timestamp("ms", "UTC")
    if pyarrow.types.is_decimal(kind):
        return pyarrow.decimal128(12, 4)
    return None


def wide(kind):
    """Nanoseconds without a zone, and decimals in 16 bytes or more."""
    if pyarrow.types.is_timestamp(kind):
        return pyarrow.timestamp("ns")
    if pyarrow.types.is_decimal(kind):
        return pyarrow.decimal256(60, 4)
    return None


def in_another_order(table, partition):
    """Reversed, with the partition columns and another one, and without the columns that have no value."""
    names = [name for name in reversed(table.column_names) if table.column(name).null_count < len(table)]
    table = table.select(names)
    for name, value in partition.items():
        table = table.append_column(name, pyarrow.array([value] * len(table)))
    return table.append_column("somebody_elses", pyarrow.array([1] * len(table)))


def reversed_rows(table, _):
    # Not `take`, which cannot do string views.
    return pyarrow.concat_tables(table.slice(row, 1) for row in reversed(range(len(table))))


STORED = {
    # Spark does not say how it had the values in memory.
    "int96": (lambda table, _: table, {"use_deprecated_int96_timestamps": True, "store_schema": False}),
    "large": (lambda table, _: by_type(table, large), {}),
    "narrow": (lambda table, _: by_type(table, narrow), {}),
    "wide": (lambda table, _: by_type(table, wide), {"version": "2.6"}),
    "in_another_order": (in_another_order, {"compression": "snappy"}),
    "reversed": (reversed_rows, {}),
}


def store_again(path, how, data_change):
    convert, options = STORED[how]
    table = DeltaTable(path)
    actions = [{"commitInfo": {"operation": "OPTIMIZE"}}]
    for add in pyarrow.table(table.get_add_actions(flatten=False)).to_pylist():
        folder, _ = os.path.split(add["path"])
        partition = {key: str(value) for key, value in (add.get("partition") or {}).items()}
        name = os.path.join(folder, f"part-{uuid.uuid4()}.parquet")
        rows = pyarrow.parquet.ParquetFile(os.path.join(path, add["path"])).read()
        pyarrow.parquet.write_table(convert(rows, partition), os.path.join(path, name), **options)
        common = {"partitionValues": partition, "dataChange": data_change}
        actions.append({"remove": {"path": add["path"], "deletionTimestamp": 0, **common}})
        size = os.path.getsize(os.path.join(path, name))
        actions.append({"add": {"path": name, "size": size, "modificationTime": 0, **common}})
    commit = os.path.join(path, "_delta_log", f"{table.version() + 1:020}.json")
    with open(commit, "x") as log:
        log.writelines(json.dumps(action) + "\n" for action in actions)


def main():
    for job in json.load(sys.stdin):
        path, how = os.path.join(job["lake"], job["table"]), job["how"]
        if how in STORED:
            store_again(path, how, job.get("data_change", False))
        elif how == "delete":
            assert DeltaTable(path).delete(job["where"])["num_deleted_rows"] > 0
        elif how == "update":
            assert DeltaTable(path).update(predicate=job["where"], updates=job["set"])["num_updated_rows"] > 0
        elif how == "compact":
            DeltaTable(path).optimize.compact()
        elif how == "z_order":
            DeltaTable(path).optimize.z_order(job["by"])
        elif how == "set":
            DeltaTable(path).alter.set_table_properties(job["properties"])


main()
