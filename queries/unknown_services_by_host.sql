-- Hosts that serve what offport does not know, or what belongs on another port: the host with most such bytes first.
WITH services AS (
    SELECT
        destination_ip AS host,
        destination_port AS port,
        transport,
        protocol,
        verdict,
        COUNT(*) AS flows,
        COUNT(DISTINCT source_ip) AS peers,
        CAST(SUM(destination_bytes) AS BIGINT) AS bytes_out,
        CAST(SUM(source_bytes) AS BIGINT) AS bytes_in,
        MAX_BY(severity, severity_rank) AS worst
    FROM counted
    WHERE verdict IN ('unrecognised', 'unknown', 'displaced')
    GROUP BY destination_ip, destination_port, transport, protocol, verdict
)

SELECT *, CAST(SUM(bytes_out + bytes_in) OVER (PARTITION BY host) AS BIGINT) AS bytes_of_host
FROM services
ORDER BY bytes_of_host DESC, host, bytes_out + bytes_in DESC, port NULLS FIRST, transport, protocol NULLS FIRST, verdict;
