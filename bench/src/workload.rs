//! What callgrind counts: one stage on traffic of a thousand flows.

use std::hint::black_box;

use clap::ValueEnum;
use offport_fingerprint::{Exchange, Identifier, Side, Speaker, Stage as When};
use offport_wire::Transport;

use crate::in_memory::established::REQUEST;
use crate::in_memory::opening::Opening;
use crate::in_memory::stages::{Glance, Hash, Nothing, Parse, Track, Whole};
use crate::parts::established::{GAP, settled};
use crate::parts::new_flows;
use crate::parts::size::Size;
use crate::rounds::Measured;

/// A stage on its traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// The loop itself.
    Frames,
    /// Parsing whole packets.
    Parse,
    /// Glancing.
    Glance,
    /// Glancing and hashing.
    Hash,
    /// Glancing, hashing, lookup and update.
    Track,
    /// The worker on settled flows.
    Worker,
    /// The worker on new HTTP flows.
    NewHttp,
    /// The worker on new DNS flows.
    NewDns,
    /// Identification of an HTTP request.
    IdentifyHttp,
    /// Identification of a DNS query.
    IdentifyDns,
    /// Identification of bytes that are nothing, on port 80.
    IdentifyRaw,
}

impl Workload {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Frames,
        Self::Parse,
        Self::Glance,
        Self::Hash,
        Self::Track,
        Self::Worker,
        Self::NewHttp,
        Self::NewDns,
        Self::IdentifyHttp,
        Self::IdentifyDns,
        Self::IdentifyRaw,
    ];

    /// As it is asked for.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// As it is shown.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Frames => "frames handed over",
            Self::Parse => "… and parsed whole",
            Self::Glance => "… and glanced at",
            Self::Hash => "… glanced at and hashed",
            Self::Track => "… glanced at, hashed, looked up, counted",
            Self::Worker => "whole worker, settled flows",
            Self::NewHttp => "whole worker, new HTTP flows (4 packets)",
            Self::NewDns => "whole worker, new DNS flows (1 packet)",
            Self::IdentifyHttp => "identify: HTTP request",
            Self::IdentifyDns => "identify: DNS query",
            Self::IdentifyRaw => "identify: raw data on port 80",
        }
    }

    /// What is counted.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::NewHttp | Self::NewDns => "flow",
            Self::IdentifyHttp | Self::IdentifyDns | Self::IdentifyRaw => "payload",
            _ => "packet",
        }
    }

    /// Runs it; returns the number of units.
    pub fn run(self, packets: u32) -> u64 {
        let frames = 1_024;
        let size = Size { frames, passes: (packets as usize / frames).max(1), warm: false, ..Size::QUICK };
        let new = |traffic| {
            let mut ring = new_flows::ring(&size, traffic, GAP);
            // The first packets are of flows that have only their first steps.
            ring.warm_up(|whole| whole.worker.counters().flow.created > 1_024);
            ring.round().units
        };
        match self {
            Self::Frames => settled(&size, FLOWS, Nothing).round().units,
            Self::Parse => settled(&size, FLOWS, Parse).round().units,
            Self::Glance => settled(&size, FLOWS, Glance).round().units,
            Self::Hash => settled(&size, FLOWS, Hash::default()).round().units,
            Self::Track => settled(&size, FLOWS, Track::new(FLOWS)).round().units,
            Self::Worker => settled(&size, FLOWS, Whole::new(FLOWS)).round().units,
            Self::NewHttp => new(Opening::http()),
            Self::NewDns => new(Opening::dns()),
            Self::IdentifyHttp => identified(packets, Transport::TCP, 80, REQUEST),
            Self::IdentifyDns => identified(packets, Transport::UDP, 53, crate::in_memory::opening::QUERY),
            Self::IdentifyRaw => identified(packets, Transport::TCP, 80, &[0xa7; 64]),
        }
    }
}

const FLOWS: u32 = 1_000;

fn identified(times: u32, transport: Transport, server_port: u16, payload: &[u8]) -> u64 {
    let ends = [payload.len() as u16];
    let exchange = Exchange {
        transport,
        client: Side::one(payload, &ends),
        server: Side::default(),
        first: Speaker::Client,
        client_port: 40_000,
        server_port,
        midstream: false,
    };
    let mut identifier = Identifier::default();
    // Tables are made once, and what begins so is known after the second time.
    for _ in 0..2 {
        black_box(identifier.identify(&exchange, When::Open));
    }
    identify_counted_by_callgrind(times, &mut identifier, &exchange);
    u64::from(times)
}

#[inline(never)]
fn identify_counted_by_callgrind(times: u32, identifier: &mut Identifier, exchange: &Exchange<'_>) {
    for _ in 0..times {
        black_box(identifier.identify(black_box(exchange), When::Open));
    }
}
