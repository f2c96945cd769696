//! The skeleton that every protocol file fills in.

use crate::answer::Proof;
use crate::exchange::{Exchange, Side, Speaker};
use crate::name::Protocol;
use crate::text::are_lines;

/// The transports that a protocol runs over: a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transports(u8);

impl Transports {
    pub(crate) const TCP: Self = Self(1);
    pub(crate) const UDP: Self = Self(2);
    pub(crate) const SCTP: Self = Self(4);
    pub(crate) const TCP_UDP: Self = Self(1 | 2);
    pub(crate) const TCP_UDP_SCTP: Self = Self(1 | 2 | 4);
    pub(crate) const TCP_SCTP: Self = Self(1 | 4);

    pub(crate) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Whose first packet tells a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// The client's or the server's.
    Either,
    /// The client's.
    Client,
    /// The server's.
    Server,
    /// Neither's alone: one explains the other.
    Both,
    /// Neither's: another flow tells it.
    Neither,
}

impl Sides {
    /// Lower-case name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Either => "either",
            Self::Client => "client",
            Self::Server => "server",
            Self::Both => "both",
            Self::Neither => "neither",
        }
    }

    /// Payload packets that it takes at the least.
    pub const fn packets(self) -> u8 {
        match self {
            Self::Either | Self::Client | Self::Server => 1,
            Self::Both => 2,
            Self::Neither => 0,
        }
    }
}

/// What one probe says of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// These bytes cannot be this protocol.
    No,
    /// Nothing speaks against it, too little speaks for it: more bytes could settle it. A probe answers
    /// this only while the bytes so far are a prefix of something that it would accept.
    Maybe,
    /// It is this protocol.
    Yes(Proof),
}

impl Match {
    /// Both must hold: a contradiction outweighs a proof, a proof outweighs a doubt.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes(one), Self::Yes(two)) => Self::Yes(one.max(two)),
            (Self::Yes(proof), Self::Maybe) | (Self::Maybe, Self::Yes(proof)) => Self::Yes(proof),
            (Self::Maybe, Self::Maybe) => Self::Maybe,
        }
    }

    /// Either is enough: a proof outweighs a doubt, a doubt outweighs a contradiction.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes(one), Self::Yes(two)) => Self::Yes(one.max(two)),
            (Self::Yes(proof), _) | (_, Self::Yes(proof)) => Self::Yes(proof),
            (Self::Maybe, _) | (_, Self::Maybe) => Self::Maybe,
            (Self::No, Self::No) => Self::No,
        }
    }
}

/// One protocol's probe.
pub(crate) struct Probe {
    pub(crate) protocol: Protocol,
    pub(crate) transports: Transports,
    /// Who is heard when it is told; midstream aside.
    pub(crate) sides: Sides,
    /// No answer of `check` is stronger: whoever is as strong already need not ask.
    pub(crate) strongest: Proof,
    /// UDP: the forms of a flow's first datagram; if it has none of them, `check` says no. Over TCP that is had from `check`
    /// itself: see [`crate::dispatch`].
    pub(crate) datagram: &'static [Form],
    /// TCP: what a stream holds where, as far as it goes; if it does not, `check` says no. Worth saying only of what many other
    /// streams begin like.
    pub(crate) stream: &'static [At],
    pub(crate) check: fn(&Exchange<'_>) -> Match,
}

/// What a datagram holds where: all of it, and it must not end before.
pub(crate) type Form = &'static [At];

/// An offset, and which bytes may stand there.
pub(crate) type At = (usize, fn(u8) -> bool);

/// In place of an offset: the datagram's length; 255 for all that are longer.
pub(crate) const LENGTH: usize = usize::MAX;
/// In place of an offset: one if the datagram's first byte is its length, else zero.
pub(crate) const STARTS_WITH_LENGTH: usize = usize::MAX - 1;
/// In place of an offset: the flow's ports, as far as they break ties: a bit of [`ports`] for each.
pub(crate) const PORT_BITS: usize = usize::MAX - 2;

/// Of a stream that is picked up midstream nothing is said, so that it is not asked about.
pub(crate) const FROM_START: At = (MIDSTREAM, |midstream| midstream == 0);
/// In place of an offset: one midstream, else zero.
pub(crate) const MIDSTREAM: usize = usize::MAX - 3;

/// Ports that break ties between protocols whose datagrams are alike.
pub(crate) mod ports {
    use crate::exchange::Exchange;

    /// The server's is that of the NetBIOS name service.
    pub(crate) const NETBIOS_NS: u8 = 1;
    /// Either is mDNS's, and the server's is not DNS's: some resolvers ask from there.
    pub(crate) const MDNS: u8 = 2;
    /// Either is LLMNR's.
    pub(crate) const LLMNR: u8 = 4;
    /// Either is that of IPsec behind a NAT.
    pub(crate) const NAT_TRAVERSAL: u8 = 8;

    /// The bits of all of them.
    pub(crate) const fn of(exchange: &Exchange<'_>) -> u8 {
        let &Exchange { client_port: client, server_port: server, .. } = exchange;
        let bit = [
            server == 137,
            server == 5353 || client == 5353 && server != 53,
            server == 5355 || client == 5355,
            server == 4500 || client == 4500,
        ];
        bit[0] as u8 * NETBIOS_NS + bit[1] as u8 * MDNS + bit[2] as u8 * LLMNR + bit[3] as u8 * NAT_TRAVERSAL
    }
}

/// [`weigh`] for lines of text that a server's greeting opens. A greeting that says whose it is, is not refuted by lines that the
/// client has made up: it comes to the same if both are heard at once, or one after the other.
pub(crate) fn weigh_greeted(
    exchange: &Exchange<'_>,
    client: impl Fn(&Side<'_>) -> Match,
    server: impl Fn(&Side<'_>) -> Match,
) -> Match {
    let answer = weigh(exchange, client, &server);
    if answer != Match::No || exchange.midstream || exchange.first == Speaker::Client {
        return answer;
    }
    if !are_lines(exchange.client.bytes) || server(&exchange.server) == Match::No {
        return Match::No;
    }
    // What comes after the greeting answers the client, and makes up for nothing.
    let (greeting, is_whole) = greeting(exchange.server.bytes);
    match server(&Side { bytes: greeting, ..exchange.server }) {
        Match::Yes(proof) if !proof.is_weak() => Match::Yes(proof),
        Match::No => Match::No,
        _ if is_whole || exchange.server.closed => Match::No,
        _ => Match::Maybe,
    }
}

/// A server's first reply, which is one line or, with a hyphen behind the code, several (RFC 959, section 4.2; RFC 5321, section
/// 4.2.1); and whether its end is there.
fn greeting(bytes: &[u8]) -> (&[u8], bool) {
    let mut end = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        end += line.len();
        if line.ends_with(b"\n") && line.get(3) != Some(&b'-') {
            return (&bytes[..end], true);
        }
    }
    (bytes, false)
}

/// Weighs what both sides of an exchange say, for protocols whose messages show which side sent them.
///
/// Each side that has spoken must fit its role: one that contradicts the protocol settles it, whatever the
/// other says. One that proves it is enough. Picked up midstream, a side may begin inside a message and the
/// roles may be swapped: then a side that fits neither role says nothing.
pub(crate) fn weigh(
    exchange: &Exchange<'_>,
    client: impl Fn(&Side<'_>) -> Match,
    server: impl Fn(&Side<'_>) -> Match,
) -> Match {
    if exchange.midstream {
        let lenient = |side: &Side<'_>| match side.is_empty() {
            true => Match::No,
            false => client(side).or(server(side)),
        };
        return lenient(&exchange.client).or(lenient(&exchange.server));
    }
    match (exchange.client.is_empty(), exchange.server.is_empty()) {
        (true, true) => Match::Maybe,
        (false, true) => client(&exchange.client),
        (true, false) => server(&exchange.server),
        (false, false) => client(&exchange.client).and(server(&exchange.server)),
    }
}
