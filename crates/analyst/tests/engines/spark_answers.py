"""Asks a Spark cluster the questions of queries/: MASTER STORE SINCE UNTIL HOSTS OUT. Writes rows by question, as JSON."""

import re
import sys

from answers import OF_A_HOST, QUERIES, QUESTIONS, write
from pyspark.sql import SparkSession


def statements(path):
    """Spark takes one statement at a time."""
    text = re.sub(r"--.*", "", path.read_text())
    return [statement.strip() for statement in text.split(";") if statement.strip()]


def main(master, store, since, until, hosts, out):
    engine = (
        SparkSession.builder.master(master)
        .appName("offport")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "1g")
        .config("spark.executor.memory", "700m")
        .config("spark.executor.cores", "1")
        .config("spark.cores.max", "2")
        # Not before both workers are there: the question is whether several agree.
        .config("spark.scheduler.minRegisteredResourcesRatio", "1.0")
        .config("spark.scheduler.maxRegisteredResourcesWaitingTime", "60s")
        .config("spark.sql.shuffle.partitions", "2")
        # Little data: compiling would take longer than what it saves.
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1")
        .config("spark.executor.extraJavaOptions", "-XX:TieredStopAtLevel=1")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )


    def define(what, **variables):
        for variable, value in variables.items():
            engine.conf.set(f"offport.{variable}", value)
        for statement in what:
            engine.sql(statement)

    def ask(question):
        (statement,) = statements(QUERIES / f"{question}.sql")
        asked = engine.sql(statement)
        return asked.columns, [tuple(row) for row in asked.collect()]

    preamble = statements(QUERIES / "spark.sql")
    define(preamble + statements(QUERIES / "counted.sql"), store=store, since=since, until=until, host="")
    answers = {question: ask(question) for question in QUESTIONS}
    for host in hosts.split(","):
        define([statement for statement in preamble if "asked_host" in statement], host=host)
        answers[host] = ask(OF_A_HOST)
    # The driver is in the list too.
    executors = len(list(engine._jsc.sc().statusTracker().getExecutorInfos())) - 1
    answers["cluster"] = (["executors"], [(executors,)])
    write(out, answers)
    engine.stop()


main(*sys.argv[1:])
