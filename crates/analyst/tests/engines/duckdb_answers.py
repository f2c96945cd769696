"""Asks DuckDB the questions of queries/: STORE SINCE UNTIL HOSTS OUT. Writes rows by question, as JSON."""

import sys

import duckdb
from answers import OF_A_HOST, QUERIES, QUESTIONS, write


def main(store, since, until, hosts, out):
    engine = duckdb.connect()
    variables = {"store": store, "since": since, "until": until, "host": ""}

    def set_variables():
        for variable, value in variables.items():
            engine.execute(f"SET VARIABLE {variable} = '{value}'")

    def ask(question):
        asked = engine.execute((QUERIES / f"{question}.sql").read_text())
        return [column[0] for column in asked.description], asked.fetchall()

    set_variables()
    for preamble in ("duckdb.sql", "counted.sql"):
        engine.execute((QUERIES / preamble).read_text())
    answers = {question: ask(question) for question in QUESTIONS}
    for host in hosts.split(","):
        variables["host"] = host
        set_variables()
        answers[host] = ask(OF_A_HOST)
    write(out, answers)


main(*sys.argv[1:])
