#!/usr/bin/env python3
"""What a first-seen rule set needs of an audit log, by DuckDB with one thread.

    python3 duckdb_first_seen.py FILE...        (pip install duckdb)

For each user the first time of each action in each namespace, of each source address and of each user agent. Only the
needed columns are declared, nothing is detected, and the log is read once. Prints a JSON object: CPU and wall seconds of
the query alone (not of starting Python), events read, and values found.
"""

import json
import sys
import time

import duckdb

COLUMNS = {
    "verb": "VARCHAR",
    "user": "STRUCT(username VARCHAR)",
    "sourceIPs": "VARCHAR[]",
    "userAgent": "VARCHAR",
    "objectRef": "STRUCT(apiGroup VARCHAR, resource VARCHAR, subresource VARCHAR, namespace VARCHAR)",
    "stageTimestamp": "VARCHAR",
}

QUERY = """
SELECT username, api_group, resource, subresource, verb, namespace, source, agent,
       min(seen_at) AS first_seen, count(*) AS requests
FROM (
    SELECT "user".username AS username, verb, objectRef.apiGroup AS api_group, objectRef.resource AS resource,
           objectRef.subresource AS subresource, objectRef.namespace AS namespace,
           sourceIPs[-1] AS source, userAgent AS agent, stageTimestamp AS seen_at
    FROM read_json({files}, format = 'newline_delimited', auto_detect = false,
                   maximum_object_size = 16777216, columns = {columns})
)
GROUP BY GROUPING SETS (
    (username, verb, api_group, resource, subresource, namespace),
    (username, source),
    (username, agent)
)
"""


def literal(value):
    return "'" + value.replace("'", "''") + "'"


def main():
    files = "[" + ", ".join(literal(path) for path in sys.argv[1:]) + "]"
    columns = "{" + ", ".join(f"{name!r}: {kind!r}" for name, kind in COLUMNS.items()) + "}"
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    cpu, wall = time.process_time(), time.perf_counter()
    query = QUERY.format(files=files, columns=columns)
    connection.execute(f"CREATE TABLE first_seen AS {query}")
    figures = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    values, requests = connection.execute("SELECT count(*), sum(requests) FROM first_seen").fetchone()
    # each event is counted once by each of the three grouping sets
    print(json.dumps(figures | {"events": int(requests) // 3, "values": values}))


if __name__ == "__main__":
    main()
