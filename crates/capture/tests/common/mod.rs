//! What the tests that need privilege share.
#![allow(dead_code)] // each test binary uses its part

/// Whether to go on: as root yes; else no, and with `OFFPORT_REQUIRE` naming root it is a failure.
pub fn root() -> bool {
    // SAFETY-free: std has no geteuid, /proc has.
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
    if uid.split_whitespace().nth(1) == Some("0") {
        return true;
    }
    let required = std::env::var("OFFPORT_REQUIRE").is_ok_and(|list| list.contains("root"));
    assert!(!required, "OFFPORT_REQUIRE promises root, and this is not root");
    eprintln!("SKIPPED: needs root");
    false
}
