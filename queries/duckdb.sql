-- DuckDB, before counted.sql and a question. Set first where the records are, which time is asked for and, for host_summary.sql, whom:
--
--   SET VARIABLE store = '/var/lib/offport/flows';    -- or 's3://bucket/prefix'
--   SET VARIABLE since = '2026-11-20 00:00:00Z';
--   SET VARIABLE until = '2026-11-27 00:00:00Z';      -- not included
--   SET VARIABLE host = '10.0.0.2';

SET TimeZone = 'UTC';

-- By name, so that files of older versions, which have fewer columns, are read too.
CREATE OR REPLACE TEMPORARY VIEW flows AS
SELECT *
FROM read_parquet(
    getvariable('store') || '/sensor=*/date=*/hour=*/*.parquet',
    hive_partitioning = true,
    hive_types = {'sensor': VARCHAR, 'date': DATE, 'hour': INTEGER},
    union_by_name = true
);

CREATE OR REPLACE TEMPORARY MACRO asked_since() AS CAST(getvariable('since') AS TIMESTAMPTZ);
CREATE OR REPLACE TEMPORARY MACRO asked_until() AS CAST(getvariable('until') AS TIMESTAMPTZ);
CREATE OR REPLACE TEMPORARY MACRO asked_host() AS CAST(getvariable('host') AS VARCHAR);
