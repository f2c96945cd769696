-- What a host serves and uses, as all sensors saw it: what is worst first, then by bytes.
WITH services AS (
    SELECT
        CASE WHEN destination_ip = asked_host() THEN 'serves' ELSE 'uses' END AS role,
        destination_port AS port,
        transport,
        protocol,
        COUNT(*) AS flows,
        COUNT(DISTINCT CASE WHEN destination_ip = asked_host() THEN source_ip ELSE destination_ip END) AS peers,
        CAST(SUM(CASE WHEN destination_ip = asked_host() THEN destination_bytes ELSE source_bytes END) AS BIGINT) AS bytes_out,
        CAST(SUM(CASE WHEN destination_ip = asked_host() THEN source_bytes ELSE destination_bytes END) AS BIGINT) AS bytes_in,
        MAX_BY(severity, severity_rank) AS worst,
        MAX(severity_rank) AS worst_rank,
        COUNT(DISTINCT sensor) AS sensors
    FROM counted
    WHERE source_ip = asked_host() OR destination_ip = asked_host()
    GROUP BY 1, 2, 3, 4
)

SELECT role, port, transport, protocol, flows, peers, bytes_out, bytes_in, worst, sensors
FROM services
ORDER BY role, worst_rank DESC, bytes_out + bytes_in DESC, port NULLS FIRST, transport, protocol NULLS FIRST;
