//! Driver settings by the ethtool ioctl (linux/ethtool.h). It works in any network namespace, which sysfs does not.
#![allow(unsafe_code)] // ioctls on structs of linux/ethtool.h: each block says how long its struct is

use std::io;

use super::rss::Rss;
use super::sys;

/// Receive queues in use: combined and receive-only channels.
pub(crate) fn receive_queues(interface: &str) -> io::Result<u32> {
    /// `struct ethtool_channels`.
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct Channels {
        command: u32,
        max_rx: u32,
        max_tx: u32,
        max_other: u32,
        max_combined: u32,
        rx: u32,
        tx: u32,
        other: u32,
        combined: u32,
    }
    let mut channels = Channels { command: 0x3c, ..Channels::default() }; // ETHTOOL_GCHANNELS
    // SAFETY: the struct is written out above in full, integers only.
    unsafe { sys::ethtool(interface, &mut channels)? };
    Ok(channels.combined + channels.rx)
}

/// Entries of the receive ring: now, and at most.
pub(crate) fn receive_ring(interface: &str) -> io::Result<(u32, u32)> {
    /// `struct ethtool_ringparam`.
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct RingParameters {
        command: u32,
        rx_max: u32,
        rx_mini_max: u32,
        rx_jumbo_max: u32,
        tx_max: u32,
        rx: u32,
        rx_mini: u32,
        rx_jumbo: u32,
        tx: u32,
    }
    let mut ring = RingParameters { command: 0x10, ..RingParameters::default() }; // ETHTOOL_GRINGPARAM
    // SAFETY: the struct is written out above in full, integers only.
    unsafe { sys::ethtool(interface, &mut ring)? };
    Ok((ring.rx, ring.rx_max))
}

/// Name and bus address of the driver.
pub(crate) fn driver(interface: &str) -> io::Result<(String, String)> {
    let info = driver_info(interface)?;
    Ok((text(&info.driver), text(&info.bus)))
}

/// `struct ethtool_drvinfo`.
#[repr(C)]
#[derive(Clone, Copy)]
struct DriverInfo {
    command: u32,
    driver: [u8; 32],
    version: [u8; 32],
    firmware: [u8; 32],
    bus: [u8; 32],
    erom: [u8; 32],
    reserved: [u8; 12],
    private_flags: u32,
    statistics: u32,
    test: u32,
    eeprom: u32,
    registers: u32,
}

fn driver_info(interface: &str) -> io::Result<DriverInfo> {
    let mut info = DriverInfo {
        command: 0x3, // ETHTOOL_GDRVINFO
        driver: [0; 32],
        version: [0; 32],
        firmware: [0; 32],
        bus: [0; 32],
        erom: [0; 32],
        reserved: [0; 12],
        private_flags: 0,
        statistics: 0,
        test: 0,
        eeprom: 0,
        registers: 0,
    };
    // SAFETY: the struct is written out above in full, integers only.
    unsafe { sys::ethtool(interface, &mut info)? };
    Ok(info)
}

/// Whether the NIC takes VLAN tags out of the frames it receives (`ETH_FLAG_RXVLAN`).
pub(crate) fn strips_vlan(interface: &str) -> io::Result<bool> {
    flags(interface).map(|flags| flags & 1 << 8 != 0)
}

/// Whether the NIC merges packets on receive (`ETH_FLAG_LRO`).
pub(crate) fn merges_packets(interface: &str) -> io::Result<bool> {
    flags(interface).map(|flags| flags & 1 << 15 != 0)
}

fn flags(interface: &str) -> io::Result<u32> {
    let mut value = [0x25u32, 0]; // struct ethtool_value, ETHTOOL_GFLAGS
    // SAFETY: the struct is two u32.
    unsafe { sys::ethtool(interface, &mut value)? };
    Ok(value[1])
}

const INDIRECTION: usize = 4096;
const KEY: usize = 256;

/// `struct ethtool_rxfh` with its tail: first the indirection table, then the key.
#[repr(C)]
#[derive(Clone, Copy)]
struct RssHash {
    command: u32,
    context: u32,
    indirection_size: u32,
    key_size: u32,
    function: u8,
    input_transform: u8,
    reserved: [u8; 2],
    reserved32: u32,
    tail: [u8; INDIRECTION * 4 + KEY],
}

impl RssHash {
    const fn new(command: u32) -> Self {
        Self {
            command,
            context: 0,
            indirection_size: 0,
            key_size: 0,
            function: 0,
            input_transform: 0,
            reserved: [0; 2],
            reserved32: 0,
            tail: [0; INDIRECTION * 4 + KEY],
        }
    }
}

/// How the card spreads packets; its key is empty where the driver has none.
pub(crate) fn rss(interface: &str) -> io::Result<Rss> {
    // Sizes of 0 ask for the sizes; they have to be given back exactly to get the contents.
    let mut hash = RssHash::new(0x46); // ETHTOOL_GRSSH
    // SAFETY: with sizes of 0 the kernel writes the head only.
    unsafe { sys::ethtool(interface, &mut hash)? };
    let (table, key) = (hash.indirection_size as usize, hash.key_size as usize);
    if key == 0 || key > KEY || table > INDIRECTION {
        return Ok(Rss::default());
    }
    // SAFETY: the tail holds the table and the key, as was just checked.
    unsafe { sys::ethtool(interface, &mut hash)? };
    let key = hash.tail[table * 4..table * 4 + key].to_vec();
    Ok(Rss { key, function: hash.function, input_transform: hash.input_transform })
}

/// Sets the RSS hash key and nothing else.
pub(crate) fn set_rss_key(interface: &str, key: &[u8]) -> io::Result<()> {
    const NO_CHANGE: u32 = u32::MAX; // ETH_RXFH_INDIR_NO_CHANGE
    let mut hash = RssHash::new(0x47); // ETHTOOL_SRSSH
    let Some(tail) = hash.tail.get_mut(..key.len()) else { return Err(io::ErrorKind::InvalidInput.into()) };
    tail.copy_from_slice(key);
    hash.indirection_size = NO_CHANGE;
    hash.key_size = key.len() as u32;
    hash.input_transform = u8::MAX; // RXH_XFRM_NO_CHANGE
    // SAFETY: the kernel reads the head and, without a table, `key_size` bytes of the tail, which holds them.
    unsafe { sys::ethtool(interface, &mut hash) }
}

/// The driver's own counters (`ethtool -S`) whose names speak of loss.
pub(crate) fn loss_counters(interface: &str) -> io::Result<Vec<(String, u64)>> {
    const MOST: usize = 4096;
    const NAME: usize = 32; // ETH_GSTRING_LEN
    /// `struct ethtool_gstrings` with its tail.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Strings {
        command: u32,
        set: u32,
        count: u32,
        names: [[u8; NAME]; MOST],
    }
    /// `struct ethtool_stats` with its tail.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Values {
        command: u32,
        count: u32,
        values: [u64; MOST],
    }
    let count = driver_info(interface)?.statistics as usize;
    if count == 0 || count > MOST {
        return Ok(Vec::new());
    }
    // ETHTOOL_GSTRINGS of ETH_SS_STATS, ETHTOOL_GSTATS
    let mut strings =
        Box::new(Strings { command: 0x1b, set: 1, count: count as u32, names: [[0; NAME]; MOST] });
    let mut values = Box::new(Values { command: 0x1d, count: count as u32, values: [0; MOST] });
    // SAFETY: the kernel writes as many names as the driver has just said it has, which fit.
    unsafe { sys::ethtool(interface, &mut *strings)? };
    // SAFETY: likewise.
    unsafe { sys::ethtool(interface, &mut *values)? };
    let count = count.min(strings.count as usize).min(values.count as usize);
    Ok(strings.names[..count]
        .iter()
        .zip(values.values)
        .map(|(name, value)| (text(name), value))
        .filter(|(name, _)| speaks_of_loss(name))
        .collect())
}

/// Drivers agree on no names; these parts of names are in use by ixgbe, i40e, ice, mlx5, virtio-net, veth, ena.
fn speaks_of_loss(name: &str) -> bool {
    const PARTS: [&str; 9] =
        ["drop", "miss", "discard", "no_buf", "nobuf", "no_dma", "out_of_buffer", "overrun", "alloc_fail"];
    let name = name.to_ascii_lowercase();
    // "xdp_drops" are the program's own.
    !name.starts_with("tx") && !name.contains("xdp_drop") && PARTS.iter().any(|part| name.contains(part))
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_known_by_its_many_names() {
        for name in ["rx_dropped", "rx_missed_errors", "rx0_drops", "rx_out_of_buffer", "rx_no_dma_resources"]
        {
            assert!(speaks_of_loss(name), "{name}");
        }
        for name in ["rx_packets", "tx_dropped", "rx_queue_0_xdp_packets", "rx_queue_0_xdp_drops"] {
            assert!(!speaks_of_loss(name), "{name}");
        }
    }

    #[test]
    fn loopback_has_a_driver_name_or_says_why_not() {
        match driver("lo") {
            Ok((name, _)) => assert!(!name.is_empty()),
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EOPNOTSUPP)),
        }
    }
}
