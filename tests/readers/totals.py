"""Totals of every table of a lake, by three readers that know nothing of how it was written, and gold by brute force.

usage: totals.py LAKE EVENTS.ndjson    prints one JSON object
"""

import datetime
import json
import sys

import duckdb
import polars
from deltalake import DeltaTable

TABLES = ["bronze/events", "silver/events", "silver/quarantine", "gold/sessions", "control/watermarks", "control/settings"]
TIMEOUT = datetime.timedelta(minutes=30)


def by_deltalake(path):
    return DeltaTable(path).to_pyarrow_table().num_rows


def by_polars(path):
    return polars.scan_delta(path).select(polars.len()).collect().item()


def by_duckdb(path):
    dataset = DeltaTable(path).to_pyarrow_dataset()  # noqa: F841, DuckDB finds it by its name
    return duckdb.sql("select count(*) from dataset").fetchall()[0][0]


def brute_force(lines):
    """(user, session, start, end, events, urls) of every session: sort, and walk through once."""
    visits = {}
    for line in set(lines):
        event = json.loads(line)
        at = datetime.datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00"))
        visits.setdefault((event["user_id"], event["session_id"]), []).append((at, event["page_url"]))
    sessions = []
    for (user, visit), events in visits.items():
        events.sort()
        current = []
        for at, url in events:
            if current and at - current[-1][0] > TIMEOUT:
                sessions.append(session(user, visit, current))
                current = []
            current.append((at, url))
        sessions.append(session(user, visit, current))
    return sorted(sessions)


def session(user, visit, events):
    urls = {url for _, url in events if url is not None}
    return [user, visit, events[0][0].isoformat(), events[-1][0].isoformat(), len(events), len(urls)]


def stored_sessions(path):
    columns = ["user_id", "session_id", "session_start_time", "session_end_time", "total_events", "unique_page_views"]
    rows = DeltaTable(path).to_pyarrow_table(columns=columns).to_pylist()
    return sorted([value.isoformat() if isinstance(value, datetime.datetime) else value for value in row.values()] for row in rows)


def main(lake, events):
    totals = {
        table: {"deltalake": by_deltalake(f"{lake}/{table}"), "polars": by_polars(f"{lake}/{table}"), "duckdb": by_duckdb(f"{lake}/{table}")}
        for table in TABLES
    }
    with open(events, encoding="utf-8") as file:
        expected = brute_force(file.read().splitlines())
    stored = stored_sessions(f"{lake}/gold/sessions")
    print(json.dumps({"totals": totals, "sessions": len(stored), "gold_is_brute_force": stored == expected}))


main(*sys.argv[1:])
