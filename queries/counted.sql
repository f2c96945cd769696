-- Every flow of the time that is asked for, once.
--
-- A flow that goes on has a record every minute, with totals so far, and one when it is over: the last one counts, which is the one
-- when it is over if that is within the time. Records say when the flow was last seen; that decides whether they are within.
-- Where a flow lasted less than a second, which is the shortest time between two records, and nothing was wrong with it (what is, is
-- written at once), the record of its end is the only one.

CREATE OR REPLACE TEMPORARY VIEW counted AS
WITH asked AS (
    SELECT
        sensor, date, offport_flow_id, event_action, event_duration, event_start, event_end, source_ip, source_bytes, destination_ip,
        destination_port, destination_bytes, COALESCE(network_transport, 'ip') AS transport, network_protocol AS protocol,
        offport_verdict AS verdict, offport_severity AS severity,
        CASE offport_severity WHEN 'high' THEN 4 WHEN 'medium' THEN 3 WHEN 'low' THEN 2 WHEN 'info' THEN 1 ELSE 0 END AS severity_rank
    FROM flows
    WHERE event_end >= asked_since() AND event_end < asked_until()
        -- The same by the folders' names, so that no other file is opened.
        AND date BETWEEN CAST(asked_since() AS DATE) AND CAST(asked_until() AS DATE)
),

going_on AS (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY sensor, offport_flow_id ORDER BY event_end DESC) AS nth
    FROM asked
    WHERE event_action = 'flow_interim'
),

ended AS (
    SELECT DISTINCT sensor, offport_flow_id
    FROM asked
    WHERE event_action = 'flow_end' AND (event_duration >= 1000000000 OR severity IS NOT NULL)
)

SELECT
    sensor, date, event_start, event_end, source_ip, source_bytes, destination_ip, destination_port, destination_bytes, transport,
    protocol, verdict, severity, severity_rank
FROM asked
WHERE event_action = 'flow_end'
UNION ALL
SELECT
    sensor, date, event_start, event_end, source_ip, source_bytes, destination_ip, destination_port, destination_bytes, transport,
    protocol, verdict, severity, severity_rank
FROM going_on
WHERE nth = 1 AND NOT EXISTS (
    SELECT 1
    FROM ended
    WHERE ended.sensor = going_on.sensor AND ended.offport_flow_id = going_on.offport_flow_id
);
