//! Builds capture files field by field, independently of the writer.

/// Integers in either order.
#[derive(Clone)]
pub(super) struct Bytes {
    pub(super) big: bool,
    pub(super) data: Vec<u8>,
}

impl Bytes {
    pub(super) fn new(big: bool) -> Self {
        Self { big, data: vec![] }
    }

    pub(super) fn u16(mut self, value: u16) -> Self {
        self.data.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
        self
    }

    pub(super) fn u32(mut self, value: u32) -> Self {
        self.data.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
        self
    }

    pub(super) fn u64(mut self, value: u64) -> Self {
        self.data.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
        self
    }

    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.data.extend_from_slice(bytes);
        self
    }

    pub(super) fn pad(mut self) -> Self {
        self.data.resize(self.data.len().next_multiple_of(4), 0);
        self
    }

    /// A pcap file header.
    pub(super) fn pcap(big: bool, magic: u32, link: u32) -> Self {
        Self::new(big).u32(magic).u16(2).u16(4).u32(0).u32(0).u32(65_535).u32(link)
    }

    /// A pcap record.
    pub(super) fn record(self, seconds: u32, ticks: u32, wire: u32, bytes: &[u8]) -> Self {
        self.u32(seconds).u32(ticks).u32(bytes.len() as u32).u32(wire).raw(bytes)
    }

    /// A pcapng block round `body`.
    pub(super) fn block(self, kind: u32, body: &[u8]) -> Self {
        let len = body.len().next_multiple_of(4) as u32 + 12;
        self.u32(kind).u32(len).raw(body).pad().u32(len)
    }

    /// A section header; what follows is in its byte order.
    pub(super) fn section(mut self, big: bool) -> Self {
        self.big = big;
        let body = Self::new(big).u32(0x1a2b_3c4d).u16(1).u16(0).u64(u64::MAX);
        self.block(0x0a0d_0d0a, &body.data)
    }

    /// An interface description.
    pub(super) fn interface(self, link: u16, snap_len: u32, options: &[(u16, &[u8])]) -> Self {
        let mut body = Self::new(self.big).u16(link).u16(0).u32(snap_len);
        for (code, value) in options {
            body = body.u16(*code).u16(value.len() as u16).raw(value).pad();
        }
        self.block(1, &body.data)
    }

    /// An enhanced packet.
    pub(super) fn enhanced(self, interface: u32, ticks: u64, wire: u32, bytes: &[u8]) -> Self {
        let body = Self::new(self.big)
            .u32(interface)
            .u32((ticks >> 32) as u32)
            .u32(ticks as u32)
            .u32(bytes.len() as u32)
            .u32(wire)
            .raw(bytes);
        self.block(6, &body.data)
    }
}
