-- Flows and bytes of each protocol, day by day, and the change against the day before on which there was any; ask for a week. A flow
-- counts on the day on which it was last seen.
WITH days AS (
    SELECT
        COALESCE(protocol, 'none') AS protocol,
        date,
        COUNT(*) AS flows,
        CAST(SUM(source_bytes + destination_bytes) AS BIGINT) AS bytes
    FROM counted
    GROUP BY 1, 2
),

beside AS (
    SELECT *, LAG(flows) OVER (PARTITION BY protocol ORDER BY date) AS flows_before,
        LAG(bytes) OVER (PARTITION BY protocol ORDER BY date) AS bytes_before
    FROM days
)

SELECT
    protocol,
    date,
    flows,
    bytes,
    flows - flows_before AS more_flows,
    bytes - bytes_before AS more_bytes,
    -- A tenth of a per cent, rounded down; casts round differently in different engines, FLOOR does not.
    FLOOR(1000 * (CAST(bytes AS DOUBLE) / NULLIF(bytes_before, 0) - 1)) / 10 AS more_per_cent
FROM beside
ORDER BY protocol, date;
