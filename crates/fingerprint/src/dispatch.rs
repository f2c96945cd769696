//! Which probes are worth asking, by the first bytes.
//!
//! Over TCP a contradiction is final (that is what [`Match::No`] means, and fuzzing holds each probe to it), so a probe
//! that refuses the first byte of who spoke first refuses everything that starts with it. The table is therefore
//! had from the probes themselves, once: none of them has to say a second time what it starts with, and what identifying
//! costs does not grow with the number of protocols, but with how many of them start alike.
//!
//! Where many begin alike, a probe may name later bytes of its streams ([`Probe::stream`]). Midstream, where a side may begin
//! anywhere and either may be the client, a probe that refuses the first byte of both is not asked.
//!
//! Datagrams do not grow, so a short one says nothing of a longer one: over UDP a probe has to say which forms they have
//! ([`Probe::datagram`]), and there is a table for each offset that any of them names. Fuzzing holds the probes to all of this.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use offport_wire::Transport;

use crate::exchange::{Exchange, Side, Speaker};
use crate::identify::transports;
use crate::probe::{self, At, Form, LENGTH, MIDSTREAM, Match, PORT_BITS, Probe, STARTS_WITH_LENGTH};
use crate::protocols::PROBES;

/// Some of [`PROBES`], in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection([u64; WORDS]);

/// The first two of [`PROBES`]: TLS and HTTP.
const USUAL: u64 = 0b11;

/// A bit for each probe.
const WORDS: usize = PROBES.len().div_ceil(u64::BITS as usize);

/// Makes the tables, which takes longer than a socket's ring lasts.
pub(crate) fn prepare() {
    LazyLock::force(&TABLES);
}

/// The probes that are worth asking, in their order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Candidates {
    Probes(Selection),
    /// Those of these forms: most datagrams are settled before the last of them is looked up.
    Forms(Forms),
}

impl Candidates {
    /// The probes that may have something to say to an exchange.
    pub(crate) fn for_exchange(exchange: &Exchange<'_>) -> Self {
        let opening = exchange.opening();
        match exchange.transport {
            Transport::UDP if !exchange.midstream && !opening.is_empty() => {
                Self::Forms(Forms::of_datagram(opening, exchange))
            }
            _ => Self::Probes(Selection::for_exchange(exchange)),
        }
    }
}

impl Selection {
    fn of(transport: Transport, worth: impl Fn(&Probe) -> bool) -> Self {
        let mut selection = Self::default();
        let Some(transport) = transports(transport) else { return selection };
        for (index, probe) in PROBES.iter().enumerate() {
            if probe.transports.contains(transport) && worth(probe) {
                selection.insert(index);
            }
        }
        selection
    }

    /// The probes that may have something to say to an exchange.
    pub(crate) fn for_exchange(exchange: &Exchange<'_>) -> Self {
        let opening = exchange.opening();
        match (exchange.transport, opening.bytes) {
            (Transport::TCP, &[first, ..]) if !exchange.midstream => {
                TABLES.tcp[exchange.first as usize][usize::from(first)]
            }
            (Transport::UDP, &[_, ..]) if !exchange.midstream => {
                let mut selection = Self::default();
                Forms::of_datagram(opening, exchange).probes().for_each(|index| selection.insert(index));
                selection
            }
            (Transport::TCP, _) if exchange.midstream => {
                let of =
                    |side: &Side<'_>| side.bytes.first().map(|&first| TABLES.midstream[usize::from(first)]);
                match (of(&exchange.client), of(&exchange.server)) {
                    (Some(client), Some(server)) => client.or(server),
                    (one, other) => one.or(other).unwrap_or(TABLES.all_tcp),
                }
            }
            (Transport::TCP, _) => TABLES.all_tcp,
            (Transport::UDP, _) => TABLES.all_udp,
            (transport, _) => Self::of(transport, |_| true),
        }
    }

    /// Those of them that a stream's later bytes leave, too.
    pub(crate) fn left_by_stream(self, exchange: &Exchange<'_>) -> Self {
        if exchange.transport != Transport::TCP {
            return self;
        }
        match (&exchange.client, &exchange.server) {
            _ if !exchange.midstream => self.left_by(exchange.opening()),
            (client, server) if client.is_empty() => self.left_by(server),
            (client, server) if server.is_empty() => self.left_by(client),
            (client, server) => self.left_by(client).or(self.left_by(server)),
        }
    }

    fn left_by(mut self, side: &Side<'_>) -> Self {
        for column in &TABLES.stream {
            let Some(&byte) = side.bytes.get(column.at) else { break };
            self = self.and(*column.admitted(byte));
        }
        self
    }

    /// Those that most streams are settled by, and the others.
    pub(crate) fn split_usual(self) -> (Self, Self) {
        let Self([first, ..]) = self;
        let (mut usual, mut others) = (Self::default(), self);
        usual.0[0] = first & USUAL;
        others.0[0] = first & !USUAL;
        (usual, others)
    }

    fn and(self, other: Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] & other.0[word]))
    }

    /// Picked up midstream, the probes that look at more than how a side begins.
    pub(crate) fn patient() -> Self {
        TABLES.patient
    }

    const fn insert(&mut self, index: usize) {
        self.0[index / u64::BITS as usize] |= 1 << (index % u64::BITS as usize);
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] | other.0[word]))
    }

    fn without(self, other: Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] & !other.0[word]))
    }

    /// Those of them that are worth it.
    pub(crate) fn filter(self, worth: impl Fn(&Probe) -> bool) -> Self {
        let mut filtered = Self::default();
        for index in self.indices() {
            if PROBES.get(index).is_some_and(&worth) {
                filtered.insert(index);
            }
        }
        filtered
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = &'static Probe> {
        self.indices().filter_map(|index| PROBES.get(index))
    }

    pub(crate) const fn indices(self) -> Indices<WORDS> {
        Indices { words: self.0, at: 0 }
    }
}

/// The bits that are set, from the lowest on.
pub(crate) struct Indices<const N: usize> {
    words: [u64; N],
    at: usize,
}

impl<const N: usize> Iterator for Indices<N> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        loop {
            let bits = self.words.get_mut(self.at)?;
            if *bits != 0 {
                let bit = bits.trailing_zeros();
                *bits &= *bits - 1;
                return Some(self.at * u64::BITS as usize + bit as usize);
            }
            self.at += 1;
        }
    }
}

struct Tables {
    /// By who spoke first, and the first byte of that.
    tcp: [[Selection; 256]; 2],
    /// By the first byte of either side.
    midstream: [Selection; 256],
    /// In the order of the offsets that streams name.
    stream: Box<[Column<Selection>]>,
    forms: FormTables,
    /// Of those midstream: who refuses every first byte.
    patient: Selection,
    all_tcp: Selection,
    all_udp: Selection,
}

/// A server's port that no probe knows, and those that one does: there it may be more patient.
pub(crate) const PORTS: [u16; 10] = [1, 22, 53, 137, 143, 4500, 5353, 5355, 6379, 18_245];

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let started_by = |first: Speaker| {
        std::array::from_fn(|byte| {
            Selection::of(Transport::TCP, |probe| {
                PORTS.iter().any(|&port| is_open_to(probe, (first, first), byte as u8, port, false))
            })
        })
    };
    const SPEAKERS: [Speaker; 2] = [Speaker::Client, Speaker::Server];
    let mut midstream: [_; 256] = std::array::from_fn(|byte| {
        Selection::of(Transport::TCP, |probe| {
            let open = |speaker, first| {
                PORTS.iter().any(|&port| is_open_to(probe, (speaker, first), byte as u8, port, true))
            };
            SPEAKERS.iter().any(|&speaker| SPEAKERS.iter().any(|&first| open(speaker, first)))
        })
    });
    // Who refuses every first byte has not begun to look.
    let looking = midstream.into_iter().fold(Selection::default(), Selection::or);
    let all_tcp = Selection::of(Transport::TCP, |_| true);
    let listens = |probe: &Probe| probe.stream.iter().all(|(at, admits)| *at != MIDSTREAM || admits(1));
    let patient = Selection::of(Transport::TCP, listens).without(looking);
    midstream.iter_mut().for_each(|probes| *probes = probes.or(patient));
    Tables {
        tcp: [started_by(Speaker::Client), started_by(Speaker::Server)],
        midstream,
        patient,
        stream: stream_columns(),
        forms: FormTables::new(),
        all_tcp,
        all_udp: Selection::of(Transport::UDP, |_| true),
    }
});

/// Some of the forms of datagrams, in the order of their probes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forms([u64; FORMS.div_ceil(u64::BITS as usize)]);

/// How many there are.
const FORMS: usize = {
    let (mut count, mut index) = (0, 0);
    while index < PROBES.len() {
        count += PROBES[index].datagram.len();
        index += 1;
    }
    count
};

/// All forms, and the indices of their probes.
static FORM_TABLE: [(u8, Form); FORMS] = {
    let mut forms: [(u8, Form); FORMS] = [(0, &[]); FORMS];
    let (mut at, mut index) = (0, 0);
    while index < PROBES.len() {
        let mut form = 0;
        while form < PROBES[index].datagram.len() {
            forms[at] = (index as u8, PROBES[index].datagram[form]);
            (at, form) = (at + 1, form + 1);
        }
        index += 1;
    }
    forms
};

// An index is one byte.
const _: () = assert!(PROBES.len() <= 1 << u8::BITS);

impl Forms {
    fn of(worth: impl Fn(Form) -> bool) -> Self {
        let mut forms = Self::default();
        for (index, (_, form)) in FORM_TABLE.iter().enumerate() {
            forms.0[index / u64::BITS as usize] |= u64::from(worth(form)) << (index % u64::BITS as usize);
        }
        forms
    }

    fn keep(&mut self, others: &Self) {
        for (word, other) in self.0.iter_mut().zip(others.0) {
            *word &= other;
        }
    }

    /// By a first datagram, which is not empty, and the ports of its flow.
    fn of_datagram(side: &Side<'_>, exchange: &Exchange<'_>) -> Self {
        let datagram = side.first_datagram();
        let FormTables { length, starts_with_length, ports, head, later } = &TABLES.forms;
        let is_length = datagram.first().is_some_and(|&first| side.first_len == first.into());
        let mut left = *length.admitted(side.first_len.min(u8::MAX.into()) as u8);
        left.keep(starts_with_length.admitted(is_length.into()));
        left.keep(ports.admitted(probe::ports::of(exchange)));
        match datagram.first_chunk::<HEAD>() {
            Some(bytes) => {
                head.iter().zip(bytes).for_each(|(column, &byte)| left.keep(column.admitted(byte)));
            }
            None => left.keep_admitted(&head[..], side),
        }
        left.keep_admitted(later, side);
        left
    }

    /// The indices of their probes.
    pub(crate) fn probes(self) -> impl Iterator<Item = usize> {
        let mut before = None;
        Indices { words: self.0, at: 0 }.filter_map(move |form| {
            let probe = FORM_TABLE.get(form).map(|(probe, _)| usize::from(*probe));
            let is_another = before != probe;
            before = probe;
            probe.filter(|_| is_another)
        })
    }

    /// By bytes that a datagram may lack, of which most are named by no form that is left.
    fn keep_admitted(&mut self, columns: &[Column<Self>], side: &Side<'_>) {
        let datagram = side.first_datagram();
        for column in columns {
            if !self.has_any_besides(&column.ignored) {
                continue;
            }
            self.keep(match datagram.get(column.at) {
                Some(&byte) => column.admitted(byte),
                None if side.first_is_cut() => return,
                None => &column.ignored,
            });
        }
    }

    fn has_any_besides(&self, others: &Self) -> bool {
        self.0.iter().zip(others.0).any(|(word, other)| word & !other != 0)
    }
}

struct FormTables {
    length: Column<Forms>,
    starts_with_length: Column<Forms>,
    ports: Column<Forms>,
    /// For each of the first offsets, which nearly every datagram has.
    head: Box<[Column<Forms>; HEAD]>,
    /// For the offsets behind that are named.
    later: Box<[Column<Forms>]>,
}

/// Bytes that are always looked at, without asking whether any form that is left names them.
const HEAD: usize = 8;

/// An offset that is named, and what of forms or probes each byte there leaves.
struct Column<T> {
    at: usize,
    /// Bytes that leave the same are of one class: so few lines of cache hold what is looked up.
    classes: [u8; 256],
    admitted: [T; 256],
    /// What does not name it: a datagram may end before.
    ignored: T,
}

fn stream_columns() -> Box<[Column<Selection>]> {
    let offsets: BTreeSet<usize> = PROBES
        .iter()
        .flat_map(|probe| probe.stream)
        .map(|(at, _)| *at)
        .filter(|&at| at != MIDSTREAM)
        .collect();
    let column = |at| {
        let left = |admits: &dyn Fn(&At) -> bool| {
            Selection::of(Transport::TCP, |probe| probe.stream.iter().all(|of| of.0 != at || admits(of)))
        };
        Column::new(at, |byte| left(&|(_, admits)| admits(byte)), left(&|_| false))
    };
    offsets.into_iter().map(column).collect()
}

impl FormTables {
    fn new() -> Self {
        let is_later = |at: usize| at >= HEAD && ![LENGTH, STARTS_WITH_LENGTH, PORT_BITS].contains(&at);
        let later: BTreeSet<usize> = FORM_TABLE
            .iter()
            .flat_map(|(_, form)| form.iter())
            .map(|(at, _)| *at)
            .filter(|&at| is_later(at))
            .collect();
        Self {
            length: Column::of_forms(LENGTH),
            starts_with_length: Column::of_forms(STARTS_WITH_LENGTH),
            ports: Column::of_forms(PORT_BITS),
            head: Box::new(std::array::from_fn(Column::of_forms)),
            later: later.into_iter().map(Column::of_forms).collect(),
        }
    }
}

impl<T: Copy + Default + PartialEq> Column<T> {
    fn new(at: usize, left: impl Fn(u8) -> T, ignored: T) -> Self {
        let (mut classes, mut admitted, mut known) = ([0; 256], [T::default(); 256], 0);
        for byte in 0..=u8::MAX {
            let left = left(byte);
            let class = admitted[..known].iter().position(|class| *class == left).unwrap_or(known);
            known = known.max(class + 1);
            admitted[class] = left;
            classes[usize::from(byte)] = class as u8;
        }
        Self { at, classes, admitted, ignored }
    }

    #[inline]
    fn admitted(&self, byte: u8) -> &T {
        &self.admitted[usize::from(self.classes[usize::from(byte)])]
    }
}

impl Column<Forms> {
    fn of_forms(at: usize) -> Self {
        let left =
            |admits: &dyn Fn(&At) -> bool| Forms::of(|form| form.iter().all(|of| of.0 != at || admits(of)));
        Self::new(at, |byte| left(&|(_, admits)| admits(byte)), left(&|_| false))
    }
}

/// Whether a probe does not refuse a flow of which no more than one byte of its speaker is there.
fn is_open_to(
    probe: &Probe,
    (speaker, first): (Speaker, Speaker),
    byte: u8,
    server_port: u16,
    midstream: bool,
) -> bool {
    let (bytes, silent) = ([byte], Side::default());
    let spoken = Side::one(&bytes, &[1]);
    let (client, server) = match speaker {
        Speaker::Client => (spoken, silent),
        Speaker::Server => (silent, spoken),
    };
    let transport = Transport::TCP;
    let exchange = Exchange { transport, client, server, first, client_port: 1, server_port, midstream };
    (probe.check)(&exchange) != Match::No
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::is_dispatched_soundly;
    use crate::name::Protocol;
    use crate::probe::Transports;
    use crate::talk::{Noise, Talk};

    fn started(first: Speaker, byte: u8) -> Vec<Protocol> {
        TABLES.tcp[first as usize][usize::from(byte)].iter().map(|probe| probe.protocol).collect()
    }

    #[test]
    fn a_first_byte_leaves_few() {
        assert!(started(Speaker::Client, 0x16).contains(&Protocol::Tls));
        assert!(!started(Speaker::Client, 0x16).contains(&Protocol::Http));
        assert!(started(Speaker::Server, b'2').contains(&Protocol::Smtp));
        assert!(started(Speaker::Server, b'S').contains(&Protocol::Ssh));
        // Length fields and tags may begin with anything; still, on the average, most are ruled out.
        let all = TABLES.all_tcp.iter().count();
        let left: usize = (0..=255).map(|byte| started(Speaker::Client, byte).len()).sum();
        assert!(left / 256 < all / 3, "{} of {all}", left / 256);
    }

    #[test]
    fn who_is_looked_for_in_datagrams_has_forms_of_them() {
        for probe in PROBES {
            let (udp, tcp) =
                (probe.transports.contains(Transports::UDP), probe.transports.contains(Transports::TCP));
            assert_eq!(udp, !probe.datagram.is_empty(), "{}", probe.protocol);
            assert!(tcp || probe.stream.is_empty(), "{}", probe.protocol);
        }
    }

    #[test]
    fn usual_are_the_first_two() {
        let usual: Vec<_> = TABLES.all_tcp.split_usual().0.iter().map(|probe| probe.protocol).collect();
        assert_eq!(usual, [Protocol::Tls, Protocol::Http]);
    }

    #[test]
    fn datagrams_of_every_first_byte_are_asked_about_soundly() {
        let mut noise = Noise::new(0x0da7_a9a5);
        for first in 0..=u8::MAX {
            for len in [1, 2, 4, 8, 12, 16, 20, 28, 32, 48, 64, 92, 148, 300] {
                for zeros in [0, 4] {
                    let [mut bytes, answer] = [noise.bytes(len), noise.bytes(len)];
                    bytes[..zeros.min(len)].fill(0);
                    bytes[0] = first;
                    let talk = Talk::udp();
                    for talk in [
                        talk.clone().client(&bytes),
                        talk.clone().client(&bytes).server(&bytes),
                        talk.clone().client(&bytes).server(&answer),
                        talk.clone().client(&answer).server(&bytes),
                        talk.clone().client(&bytes).client(&bytes).server(&bytes),
                    ] {
                        for first in [Speaker::Client, Speaker::Server] {
                            for (client_port, server_port) in [(1, 2), (123, 123), (5353, 5353), (4500, 53)] {
                                let ports = Exchange { client_port, server_port, first, ..talk.exchange() };
                                assert!(is_dispatched_soundly(&ports), "{ports:02x?}");
                            }
                        }
                    }
                }
            }
        }
        let (rounds, all) = (4_000, TABLES.all_udp.iter().count());
        let left: usize = (0..rounds)
            .map(|_| Talk::udp().client(&noise.bytes(100)))
            .map(|talk| Selection::for_exchange(&talk.exchange()).iter().count())
            .sum();
        assert!(left / rounds < all / 12, "{} of {all}", left / rounds);
    }

    #[test]
    fn what_a_cut_datagram_lacks_may_be_there() {
        let mut noise = Noise::new(0xc07);
        let mut doubts = 0;
        for round in 0..20_000_usize {
            let mut bytes = noise.bytes(1 + round % 40);
            let zeros = noise.next() as usize % bytes.len();
            bytes[..zeros].fill(0);
            let talk = Talk::udp().client(&bytes);
            let exchange = talk.exchange();
            let len = bytes.len() as u32 + 60;
            let cut = Side { first_len: len, total: len.into(), ..exchange.client };
            let exchange = Exchange { client: cut, ..exchange };
            assert!(is_dispatched_soundly(&exchange), "{exchange:02x?}");
            let is_doubted = |probe: &&Probe| (probe.check)(&exchange) == Match::Maybe;
            doubts += PROBES
                .iter()
                .filter(|probe| probe.transports.contains(Transports::UDP))
                .filter(is_doubted)
                .count();
        }
        assert!(doubts > 20_000, "{doubts}");
    }

    #[test]
    fn the_order_is_that_of_the_table() {
        let names: Vec<_> = TABLES.all_udp.iter().map(|probe| probe.protocol).collect();
        let expected: Vec<_> = PROBES
            .iter()
            .filter(|probe| probe.transports.contains(transports(Transport::UDP).unwrap()))
            .map(|probe| probe.protocol)
            .collect();
        assert_eq!(names, expected);
    }
}
