-- Spark SQL (4.0 or newer), before counted.sql and a question. Set first where the records are, which time is asked for and, for
-- host_summary.sql, whom:
--
--   SET offport.store=/var/lib/offport/flows;         -- or s3a://bucket/prefix
--   SET offport.since=2026-11-20 00:00:00Z;
--   SET offport.until=2026-11-27 00:00:00Z;           -- not included
--   SET offport.host=10.0.0.2;

SET TIME ZONE 'UTC';

-- A sensor that is called 007 is not number 7.
SET spark.sql.sources.partitionColumnTypeInference.enabled=false;

-- Merged, so that files of older versions, which have fewer columns, are read too.
CREATE OR REPLACE TEMPORARY VIEW flow_files USING parquet
OPTIONS (path '${offport.store}', mergeSchema 'true', pathGlobFilter '*.parquet');

CREATE OR REPLACE TEMPORARY VIEW flows AS
SELECT * EXCEPT (date, hour), CAST(date AS DATE) AS date, CAST(hour AS INT) AS hour
FROM flow_files;

CREATE OR REPLACE TEMPORARY FUNCTION asked_since() RETURNS TIMESTAMP RETURN TIMESTAMP '${offport.since}';
CREATE OR REPLACE TEMPORARY FUNCTION asked_until() RETURNS TIMESTAMP RETURN TIMESTAMP '${offport.until}';
CREATE OR REPLACE TEMPORARY FUNCTION asked_host() RETURNS STRING RETURN '${offport.host}';
