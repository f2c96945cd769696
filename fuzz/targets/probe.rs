//! Any bytes as both sides of an exchange, asked of one probe: the one that the binary is named after.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offport_fingerprint::Protocol;

/// `probe_netbios_ns` → `netbios-ns`.
fn protocol() -> Protocol {
    let name = env!("CARGO_BIN_NAME").trim_start_matches("probe_").replace('_', "-");
    Protocol::from_name(&name).expect("the target is named after a protocol")
}

fuzz_target!(|data: &[u8]| {
    static PROTOCOL: std::sync::OnceLock<Protocol> = std::sync::OnceLock::new();
    offport_fingerprint::fuzz::probe(*PROTOCOL.get_or_init(protocol), data);
});
