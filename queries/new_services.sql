-- What was served on the last day of the time that is asked for, and not in the seven days before it.
WITH known AS (
    SELECT DISTINCT destination_ip, destination_port, COALESCE(network_transport, 'ip') AS transport, network_protocol AS protocol
    FROM flows
    WHERE event_end >= asked_until() - INTERVAL '8' DAY AND event_end < asked_until() - INTERVAL '1' DAY
        AND date BETWEEN CAST(asked_until() - INTERVAL '8' DAY AS DATE) AND CAST(asked_until() - INTERVAL '1' DAY AS DATE)
),

served AS (
    SELECT
        destination_ip AS host,
        destination_port AS port,
        transport,
        protocol,
        COUNT(*) AS flows,
        COUNT(DISTINCT source_ip) AS peers,
        CAST(SUM(destination_bytes) AS BIGINT) AS bytes_out,
        CAST(SUM(source_bytes) AS BIGINT) AS bytes_in,
        MAX_BY(severity, severity_rank) AS worst,
        MIN(event_start) AS first_seen
    FROM counted
    WHERE event_end >= asked_until() - INTERVAL '1' DAY
    GROUP BY destination_ip, destination_port, transport, protocol
)

SELECT *
FROM served
WHERE NOT EXISTS (
    SELECT 1
    FROM known
    WHERE known.destination_ip = served.host AND known.transport = served.transport
        AND known.destination_port IS NOT DISTINCT FROM served.port
        AND known.protocol IS NOT DISTINCT FROM served.protocol
)
ORDER BY bytes_out + bytes_in DESC, host, port NULLS FIRST, transport, protocol NULLS FIRST;
