-- Who spoke with whom in a way that was flagged (severity medium or high): what is worst first, then by flows.
WITH pairs AS (
    SELECT
        source_ip AS source,
        destination_ip AS destination,
        destination_port AS port,
        transport,
        protocol,
        verdict,
        MAX_BY(severity, severity_rank) AS worst,
        MAX(severity_rank) AS worst_rank,
        COUNT(*) AS flows,
        CAST(SUM(source_bytes) AS BIGINT) AS source_bytes,
        CAST(SUM(destination_bytes) AS BIGINT) AS destination_bytes,
        MIN(event_start) AS first_seen,
        MAX(event_end) AS last_seen
    FROM counted
    WHERE severity_rank >= 3
    GROUP BY source_ip, destination_ip, destination_port, transport, protocol, verdict
)

SELECT
    source, destination, port, transport, protocol, verdict, worst, flows, source_bytes, destination_bytes, first_seen, last_seen
FROM pairs
ORDER BY worst_rank DESC, flows DESC, source, destination, port NULLS FIRST, transport, protocol NULLS FIRST, verdict;
