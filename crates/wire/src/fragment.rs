//! IP fragments and their reassembly, bounded in datagrams, bytes and time.

/// One fragment of an IPv4 or IPv6 datagram at any depth of encapsulation.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// Fragment data.
    pub data: &'a [u8],
}
