//! Flows whose packets the kernel counts: what it has counted is added before anything is said of them.
//!
//! The hand that looks for overdue reports goes by every flow in some seconds, and adds what there is, so that a
//! shunted flow is never known worse than that. All else asks for itself, at the moment when it matters.

use offport_wire::{Packet, Transport, TransportHeader};

use crate::class::Class;
use crate::count::add;
use crate::entry::micros;
use crate::family::{Family, period};
use crate::key::Key;
use crate::observer::{Observer, Shunted};
use crate::shared::Shared;

impl<K: Key> Family<K> {
    /// A settled flow has grown: asks whether the kernel may count the rest of it.
    #[cold]
    pub(crate) fn offer(&mut self, shared: &mut Shared, index: u32, observer: &mut impl Observer) {
        let (hot, cold) = self.table.entry_mut(index);
        let counted_there = matches!(hot.transport(), Transport::TCP | Transport::UDP);
        if !counted_there || hot.shunted() || hot.state().is_over() {
            return;
        }
        // Numbers of any size will come at once: there must be room for them.
        if shared.extra(cold).is_none() {
            return;
        }
        if observer.shunt(&shared.view(hot, cold)) {
            hot.set_shunted(true);
            shared.counters.shunted += 1;
        } else {
            shared.trim(cold);
        }
    }

    /// Adds what the kernel has counted of a shunted flow. Whether that was anything.
    pub(crate) fn fold(
        &mut self,
        shared: &mut Shared,
        index: u32,
        now: u64,
        observer: &mut impl Observer,
    ) -> bool {
        let hot = self.table.hot(index);
        if !hot.shunted() {
            return false;
        }
        let shunted = observer.shunted(&hot.key.unpack(hot.transport()));
        self.add_shunted(shared, index, &shunted, now, observer)
    }

    /// The flows that would be ended next, if they are still as old as they look.
    pub(crate) fn fold_oldest(&mut self, shared: &mut Shared, now: u64, observer: &mut impl Observer) {
        /// Of each class: so much work at most for one new flow.
        const LOOKS: u32 = 4;
        for class in Class::ALL {
            for _ in 0..LOOKS {
                let Some(oldest) = self.table.oldest(class) else { break };
                if !self.fold(shared, oldest, now, observer) {
                    break;
                }
            }
        }
    }

    /// A packet of a shunted flow came up. From its end on it is watched again.
    #[cold]
    pub(crate) fn before_shunted_packet(
        &mut self,
        shared: &mut Shared,
        index: u32,
        packet: &Packet<'_>,
        now: u64,
        observer: &mut impl Observer,
    ) {
        match packet.transport {
            TransportHeader::Tcp(tcp) if tcp.flags.fin() || tcp.flags.rst() => {
                self.unshunt(shared, index, now, observer);
            }
            _ => _ = self.fold(shared, index, now, observer),
        }
    }

    /// From now on all packets of the flow are to come up.
    pub(crate) fn unshunt(
        &mut self,
        shared: &mut Shared,
        index: u32,
        now: u64,
        observer: &mut impl Observer,
    ) {
        let (hot, _) = self.table.entry_mut(index);
        if !hot.shunted() {
            return;
        }
        hot.set_shunted(false);
        shared.counters.shunted -= 1;
        let shunted = observer.release(&hot.key.unpack(hot.transport()));
        self.add_shunted(shared, index, &shunted, now, observer);
    }

    /// Adds to a flow what was counted of it after it was released. False: there is no such flow any more.
    pub(crate) fn add_late(
        &mut self,
        shared: &mut Shared,
        (key, transport): (K, Transport),
        shunted: &Shunted,
        now: u64,
        observer: &mut impl Observer,
    ) -> bool {
        let hash = key.hash(transport, &shared.hasher);
        let Some(index) = self.table.find(hash, &key, transport) else { return false };
        self.add_shunted(shared, index, shunted, now, observer);
        true
    }

    /// Whether there was anything to add.
    fn add_shunted(
        &mut self,
        shared: &mut Shared,
        index: u32,
        shunted: &Shunted,
        now: u64,
        observer: &mut impl Observer,
    ) -> bool {
        if shunted.is_empty() {
            return false;
        }
        let (hot, cold) = self.table.entry_mut(index);
        let (before, reported) = (hot.last(), cold.reported());
        for at in 0..2 {
            let Shunted { packets, bytes, payload, .. } = shunted;
            add(&mut hot.packets[at], packets[at], cold, shared, |extra| &mut extra.packets[at]);
            add(&mut hot.bytes[at], bytes[at], cold, shared, |extra| &mut extra.bytes[at]);
            add(&mut hot.payload[at], payload[at], cold, shared, |extra| &mut extra.payload[at]);
            if packets[at] > 0 && hot.transport() == Transport::TCP {
                hot.set_adrift(at, true);
            }
        }
        let packets = shunted.packets.iter().sum::<u64>();
        let bytes = shunted.bytes.iter().sum::<u64>();
        shared.counters.shunted_packets += packets;
        shared.counters.shunted_bytes += bytes;
        if let Some(extra) = shared.extra(cold) {
            extra.shunted_packets += packets;
            extra.shunted_bytes += bytes;
        }
        hot.seen_at(micros(shunted.last).min(now));
        cold.set_reported(false);
        // The active timeout has passed with packets of before and after it.
        let overdue = !reported && period(hot, shared, before) < period(hot, shared, hot.last());
        let step = |time: u64| shared.idle.step(Class::of(hot), time);
        if step(before) != step(hot.last()) || self.table.class_changed(index) {
            self.table.touch(index);
        }
        if overdue {
            self.interim(shared, index, observer);
        }
        true
    }
}
