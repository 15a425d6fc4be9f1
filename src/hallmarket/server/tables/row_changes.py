"""Applies upserts and updates to rows, by key. Pure functions over Arrow tables.

`positions` has for each old row the index of the new row with the same key, or null.
"""

from collections.abc import Callable, Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from hallmarket.server.errors import InvalidRequest

# Changes old rows: takes them and their positions.
Change = Callable[[pa.Table, pa.Array], pa.Table]


def verify_key(rows: pa.Table, key: str) -> None:
    """Raise InvalidRequest if a row has a null in its key."""
    column = rows.column(key)
    if column.null_count:
        at = pc.index(pc.is_null(column), True).as_py()
        raise InvalidRequest(f"Column {key}, row {at + 1}: every row needs its key.", key)


def last_of_each_key(rows: pa.Table, key: str) -> pa.Table:
    """Keep only the last row of each key, at the position of the first."""
    keys = rows.column(key).combine_chunks()
    firsts = pc.unique(keys)
    if len(firsts) == len(keys):
        return rows
    last = dict(zip(pc.index_in(keys, firsts).to_pylist(), range(len(keys)), strict=True))
    return rows.take(pa.array([last[index] for index in range(len(firsts))], pa.int64()))


def split_repeated_keys(keys: pa.ChunkedArray) -> Iterator[pa.Array]:
    """Yield the indexes of rows in rounds, so that no round has a key twice. Rows of one key stay in order."""
    keys = keys.combine_chunks()
    firsts = pc.unique(keys)
    if len(firsts) == len(keys):
        yield pa.array(range(len(keys)), pa.int64())
        return
    rounds: list[list[int]] = []
    occurrences: dict[int, int] = {}
    for index, key in enumerate(pc.index_in(keys, firsts).to_pylist()):
        number = occurrences[key] = occurrences.get(key, -1) + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(index)
    for indexes in rounds:
        yield pa.array(indexes, pa.int64())


def change_batches(
    batches: Iterator[pa.RecordBatch], positions: pa.ChunkedArray, change: Change
) -> Iterator[pa.RecordBatch]:
    """Yield the old rows, with `change` applied to those batches in which a row has a position."""
    offset = 0
    for batch in batches:
        batch_positions = positions.slice(offset, batch.num_rows).combine_chunks()
        offset += batch.num_rows
        if batch_positions.null_count == len(batch_positions):
            yield batch
        else:
            yield from change(pa.Table.from_batches([batch]), batch_positions).to_batches()


def replace_rows(new: pa.Table, old: pa.Table, positions: pa.Array) -> pa.Table:
    """Replace each old row that has a position by the new row there."""
    columns = [_merge(old.column(name), new.column(name), positions, positions.is_valid()) for name in old.column_names]
    return pa.table(columns, schema=old.schema)


def change_cells(new: pa.Table, sent: Mapping[str, pa.Array | None], old: pa.Table, positions: pa.Array) -> pa.Table:
    """Replace in each old row that has a position the cells that the new row sent.

    `sent` has the columns that were sent, each with a mask of the new rows that sent it, or None if all did.
    """
    columns = []
    for name in old.column_names:
        if name not in sent:
            columns.append(old.column(name))
            continue
        mask, is_changed = sent[name], positions.is_valid()
        if mask is not None:
            is_changed = pc.and_(is_changed, pc.fill_null(mask.take(positions), False))
        columns.append(_merge(old.column(name), new.column(name), positions, is_changed))
    return pa.table(columns, schema=old.schema)


def _merge(old: pa.ChunkedArray, new: pa.ChunkedArray, positions: pa.Array, is_changed: pa.Array) -> pa.Array:
    return pc.if_else(is_changed, new.combine_chunks().take(positions), old.combine_chunks())
