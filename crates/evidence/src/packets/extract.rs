//! A capture file of what was found, for Wireshark and tshark.

use std::collections::HashMap;
use std::io::{self, Write};

use offport_engine::Session;

use super::pcapng::{self, StoredPacket};
use super::reader::Found;

/// Writes what was found as pcapng: nanosecond times, interface names, and on the first packet of each session what `comment` says of
/// it. How many packets were written, and how many had made room meanwhile.
///
/// # Errors
/// A file cannot be read, or `to` cannot be written.
pub fn extract(
    found: &Found,
    mut to: impl Write,
    mut comment: impl FnMut(&Session) -> Option<String>,
) -> io::Result<(u64, u64)> {
    // Names stand in a file's head, so they are gathered first.
    let mut names: Vec<String> = Vec::new();
    let mut bytes = Vec::new();
    let mut said: HashMap<Session, ()> = HashMap::new();
    found.read(|packet| {
        if !names.iter().any(|name| name == packet.interface) {
            names.push(packet.interface.to_owned());
        }
        io::Result::Ok(())
    })?;
    to.write_all(&pcapng::head(&names))?;
    let mut written = 0;
    let gone = found.read(|packet| {
        let interface = names.iter().position(|name| name == packet.interface).unwrap_or_default() as u32;
        let stored = StoredPacket { interface, ..packet.packet };
        bytes.clear();
        let first = said.insert(*packet.session, ()).is_none();
        match first.then(|| comment(packet.session)).flatten() {
            Some(comment) => pcapng::push_commented(&mut bytes, &stored, &comment),
            None => pcapng::push_packet(&mut bytes, &stored),
        }
        written += 1;
        to.write_all(&bytes)
    })?;
    to.flush()?;
    Ok((written, gone))
}
