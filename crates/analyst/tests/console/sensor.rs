//! A listener that answers as offportd does.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};

/// Starts it; it ends with the test.
pub(crate) fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let scrapes = AtomicU64::new(1);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap_or_default();
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let body = match head.starts_with("GET /readyz ") {
                true => "ready\n".to_owned(),
                false => metrics(scrapes.fetch_add(1, Ordering::Relaxed)),
            };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    address
}

fn metrics(scrape: u64) -> String {
    let mut text = "# TYPE offport_build_info gauge\noffport_build_info{version=\"0.1.0\"} 1\nprocess_start_time_seconds 1764270000\n\
                    process_resident_memory_bytes 412000000\n"
        .to_owned();
    for worker in 0..2_u64 {
        let received = scrape * (1_200_000 + worker * 150_000) + scrape % 3 * 90_000;
        for (name, value) in [
            ("offport_packets_received_total", received),
            ("offport_bytes_received_total", received * 740),
            ("offport_batches_total", received / 31),
            ("offport_worker_busy_seconds_total", scrape * (1 + worker)),
            ("offport_flows_active", 48_211 + worker * 711),
            ("offport_flows_shunted", 1_204),
            ("offport_steering_slots", 256),
            ("offport_worker_pinned", 1 - worker),
        ] {
            text += &format!("{name}{{worker=\"{worker}\"}} {value}\n");
        }
        let queue = format!("interface=\"<b>eth1</b>\",queue=\"{worker}\"");
        let (mode, zero_copy) = if worker == 0 { ("native", true) } else { ("generic", false) };
        text += &format!(
            "offport_capture_mode_info{{{queue},mode=\"{mode}\",zero_copy=\"{zero_copy}\",huge_pages=\"true\",multi_buffer=\"false\"}} 1\n\
             offport_xdp_packets_total{{{queue}}} {received}\noffport_frames{{{queue}}} 16384\noffport_frames_free{{{queue}}} 12001\n\
             offport_fill_ring_empty_total{{{queue}}} {worker}\n"
        );
    }
    text += &format!(
        "offport_packets_dropped_total{{stage=\"xdp\",reason=\"not_ip\"}} {}\noffport_packets_dropped_total{{stage=\"socket\",reason=\"rx_ring_full\"}} {}\n\
         offport_events_raised_total{{phase=\"flagged\"}} 7\noffport_events_lost_total{{phase=\"flagged\"}} 0\noffport_events_suppressed_total 12\n\
         offport_evidence_packets_total 90112\noffport_evidence_packets_lost_total{{reason=\"behind\"}} 0\noffport_evidence_held_bytes 8123456789\n\
         offport_evidence_oldest_timestamp_seconds 1764270000\noffport_sink_lines_total{{sink=\"events\"}} 9\noffport_sink_lines_lost_total{{sink=\"events\"}} 0\n",
        scrape * 12,
        scrape / 4 * 3,
    );
    text
}
