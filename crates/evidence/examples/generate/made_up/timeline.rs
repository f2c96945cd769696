//! A sensor's records, hour by hour: short flows, and long ones that have a record every minute until they end, if they do.

use std::ops::Range;

use super::Plan;
use super::hosts::Host;
use super::random::{Random, mix};
use super::services::{Number, What, wanted};

const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;
pub(crate) const HOUR: u64 = 60 * MINUTE;
/// The part of the records that is of long flows, more or less.
const LONG: f64 = 0.15;

/// What a record says; times are microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) client: Host,
    pub(crate) server: Host,
    pub(crate) client_port: u16,
    pub(crate) service: Number,
    pub(crate) is_over: bool,
    pub(crate) up: u64,
    pub(crate) down: u64,
    /// Any number, the same in all records of the flow.
    pub(crate) number: u64,
}

/// The hours of one sensor, in order.
pub(crate) struct Timeline {
    random: Random,
    sensor: u32,
    /// The first microsecond of the first hour.
    first: u64,
    hours: u64,
    of_day: Range<u64>,
    hour: u64,
    records: u64,
    made: u64,
    going_on: Vec<Long>,
}

struct Long {
    /// As it will be at the end.
    whole: Record,
    /// Records so far.
    records: u64,
}

impl Timeline {
    pub(crate) fn new(plan: &Plan, sensor: u32, first: u64) -> Self {
        let sensors = u64::from(plan.sensors);
        let rest = u64::from(u64::from(sensor) < plan.records % sensors);
        Self {
            random: Random::new(mix(plan.seed ^ u64::from(sensor) << 32)),
            sensor,
            first,
            hours: u64::from(plan.days) * 24,
            of_day: plan.hours.clone(),
            hour: 0,
            records: plan.records / sensors + rest,
            made: 0,
            going_on: Vec::new(),
        }
    }

    /// How many records there are to be when so many hours are over: more by day than at night.
    fn due(&self, hours: u64) -> u64 {
        let weight = |hour: u64| if self.of_day.contains(&hour) { weight(hour) } else { 0 };
        let so_far = |hours: u64| {
            (0..hours % 24).map(weight).sum::<u64>() + hours / 24 * (0..24).map(weight).sum::<u64>()
        };
        (u128::from(self.records) * u128::from(so_far(hours)) / u128::from(so_far(self.hours))) as u64
    }

    fn flow(&mut self, end: u64, length: u64) -> Record {
        let random = &mut self.random;
        let server = Host::server(random);
        let day = (self.hour / 24) as u32;
        let service = wanted(server, day, random.next());
        let client = Host::client(random, self.sensor, server);
        let (up, down) = service.service().bytes;
        // Some protocols grow over the days, some shrink.
        let growth = 1.0 + f64::from(day) * (f64::from(service.0 % 7) - 2.0) * 0.02;
        let mut sent = |usual: f64| (usual * growth * random.spread(0.2, 4.0)) as u64;
        let (up, down) = (sent(up) + 40, sent(down));
        let client_port = 32_768 + random.below(28_000) as u16;
        let down = if service.service().what == What::Silence { 0 } else { down };
        Record {
            start: end - length,
            end,
            client,
            server,
            client_port,
            service,
            is_over: true,
            up,
            down,
            number: random.next(),
        }
    }
}

const fn weight(hour: u64) -> u64 {
    match hour {
        0..6 => 2,
        8..18 => 6,
        _ => 4,
    }
}

impl Iterator for Timeline {
    /// The first microsecond of an hour, and its records in the order of their ends.
    type Item = (u64, Vec<Record>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.hour >= self.hours {
            return None;
        }
        let begin = self.first + self.hour * HOUR;
        let until = begin + HOUR;
        let due = (self.due(self.hour + 1) - self.made.min(self.due(self.hour + 1))) as usize;
        while (self.going_on.len() as f64) < due as f64 * LONG / 60.0 {
            let length = self.random.spread(2.0, 480.0) * MINUTE as f64;
            let start = begin + self.random.below(HOUR);
            let mut whole = self.flow(start + length as u64, length as u64);
            (whole.up, whole.down) = (whole.up * 50, whole.down * 50);
            self.going_on.push(Long { whole, records: 0 });
        }
        let mut records = Vec::with_capacity(due);
        self.going_on.retain_mut(|long| long.record_until(until, &mut records));
        while records.len() < due {
            let end = begin + self.random.below(HOUR);
            let length = self.random.spread(500.0, 60.0 * SECOND as f64);
            let record = self.flow(end, length as u64);
            records.push(record);
            // What is wrong is written at once.
            let noticed = record.start + (record.end - record.start) / 2;
            if record.service.is_odd() && noticed >= begin && records.len() < due {
                records.push(Record {
                    end: noticed,
                    is_over: false,
                    up: record.up / 2,
                    down: record.down / 2,
                    ..record
                });
            }
        }
        if !self.of_day.contains(&(self.hour % 24)) {
            records.clear();
        }
        records.sort_by_key(|record| (record.end, record.number));
        if self.hour + 1 == self.hours {
            records.truncate(due);
        }
        self.hour += 1;
        self.made += records.len() as u64;
        Some((begin, records))
    }
}

impl Long {
    /// Adds what is written of it before `until`; whether it goes on then.
    fn record_until(&mut self, until: u64, records: &mut Vec<Record>) -> bool {
        let whole = &self.whole;
        loop {
            // The last packet before the minute was over.
            let quiet = mix(whole.number ^ self.records) % SECOND;
            let end = whole.start + (self.records + 1) * MINUTE - quiet;
            if end >= whole.end.min(until) {
                break;
            }
            let part = |total: u64| {
                (u128::from(total) * u128::from(end - whole.start) / u128::from(whole.end - whole.start))
                    as u64
            };
            let (up, down) = (part(whole.up), part(whole.down));
            records.push(Record { end, is_over: false, up, down, ..*whole });
            self.records += 1;
        }
        if whole.end < until {
            records.push(*whole);
        }
        whole.end >= until
    }
}
