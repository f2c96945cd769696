//! The flows that are held to the rules of what they began as.

use offport_fingerprint::{Breach, DataPort, Exchange, Heard, Protocol, Watch};
use offport_flow::FlowIndex;
use offport_wire::Transport;

/// So many at most: where there is no room, one that has been there for long makes it. Flows of UDP have a room of
/// their own: there are many more of them, most say one thing only, and none says that it is over.
#[derive(Debug)]
pub(crate) struct Watches {
    streams: Slots,
    datagrams: Slots,
}

/// What comes of a flow that could be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// There are no rules for it, or it has shown enough.
    Nothing,
    /// It is watched, by this handle.
    Watched(u32),
    /// It is watched, and another flow is not any more.
    Instead(u32),
    /// It has broken a rule already.
    Broken(Breach),
}

/// A handle is a slot's index and, above it, its generation and which room.
const INDEX_BITS: u32 = 24;
const GENERATIONS: u8 = 1 << 7;
const DATAGRAMS: u32 = 1 << 31;

/// The part of the capacity that datagrams' flows have beside the streams'.
const DATAGRAMS_PART: u32 = 4;

impl Watches {
    pub(crate) fn new(capacity: u32) -> Self {
        Self { streams: Slots::new(capacity), datagrams: Slots::new(capacity / DATAGRAMS_PART) }
    }

    /// Begins with what both sides have said already.
    pub(crate) fn begin(&mut self, protocol: Protocol, exchange: &Exchange<'_>) -> Begun {
        self.put(Watch::of(protocol, exchange), exchange.transport)
    }

    /// The same for a flow that is not held to rules.
    pub(crate) fn listen(&mut self, protocol: Protocol, exchange: &Exchange<'_>) -> Begun {
        self.put(Watch::listening(protocol, exchange), exchange.transport)
    }

    fn put(&mut self, begun: Option<(Watch, Heard)>, transport: Transport) -> Begun {
        let Some((watch, heard)) = begun else { return Begun::Nothing };
        match heard {
            Heard::GoOn => {}
            Heard::Enough | Heard::Lost => return Begun::Nothing,
            Heard::Broken(broken) => return Begun::Broken(broken.breach),
        }
        let (slots, room) = match transport {
            Transport::UDP => (&mut self.datagrams, DATAGRAMS),
            _ => (&mut self.streams, 0),
        };
        match slots.put(watch) {
            None => Begun::Nothing,
            Some((handle, false)) => Begun::Watched(handle | room),
            Some((handle, true)) => Begun::Instead(handle | room),
        }
    }

    fn of(&mut self, handle: u32) -> (&mut Slots, u32) {
        let slots = if handle & DATAGRAMS == 0 { &mut self.streams } else { &mut self.datagrams };
        (slots, handle & !DATAGRAMS)
    }

    /// Whose a slot is. The flow whose slot it was, and its handle, if that was taken for it.
    pub(crate) fn belongs_to(&mut self, handle: u32, flow: FlowIndex) -> Option<(FlowIndex, u32)> {
        let room = handle & DATAGRAMS;
        let (slots, handle) = self.of(handle);
        if let Some(slot) = slots.slot(handle) {
            slot.flow = Some(flow);
        }
        slots.displaced.take().map(|(flow, handle)| (flow, handle | room))
    }

    /// `None`: its slot is another flow's by now.
    pub(crate) fn get_mut(&mut self, handle: u32) -> Option<&mut Watch> {
        let (slots, handle) = self.of(handle);
        slots.slot(handle).map(|slot| &mut slot.watch)
    }

    /// The data port that was named in what a flow had said before.
    pub(crate) fn data_port(&mut self, handle: u32) -> Option<DataPort> {
        self.get_mut(handle)?.data_port()
    }

    pub(crate) fn release(&mut self, handle: u32) {
        let (slots, handle) = self.of(handle);
        slots.release(handle);
    }

    /// Flows that are watched.
    pub(crate) fn in_use(&self) -> usize {
        self.streams.in_use() + self.datagrams.in_use()
    }
}

#[derive(Debug)]
struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
    capacity: usize,
    /// Goes round; whose slot is taken next when all are.
    hand: usize,
    /// Whose slot was taken last, until the flow table asks.
    displaced: Option<(FlowIndex, u32)>,
}

#[derive(Debug)]
struct Slot {
    watch: Watch,
    /// Tells a flow whether the slot is still its own.
    generation: u8,
    used: bool,
    /// Whose it is, once the flow table has said so.
    flow: Option<FlowIndex>,
}

impl Slots {
    fn new(capacity: u32) -> Self {
        let capacity = capacity.min(1 << INDEX_BITS) as usize;
        Self {
            slots: Vec::with_capacity(capacity),
            free: Vec::with_capacity(capacity),
            capacity,
            hand: 0,
            displaced: None,
        }
    }

    /// The slot's handle, and whether it was taken from another flow; `None`: there are no slots.
    fn put(&mut self, watch: Watch) -> Option<(u32, bool)> {
        if let Some(index) = self.free.pop() {
            return Some((self.set(index as usize, watch)?, false));
        }
        if self.slots.len() < self.capacity {
            self.slots.push(Slot { watch, generation: 0, used: true, flow: None });
            return Some(((self.slots.len() - 1) as u32, false));
        }
        self.hand = (self.hand + 1).checked_rem(self.slots.len())?;
        self.displaced =
            self.slots.get(self.hand).and_then(|slot| Some((slot.flow?, handle(self.hand, slot.generation))));
        Some((self.set(self.hand, watch)?, true))
    }

    fn set(&mut self, index: usize, watch: Watch) -> Option<u32> {
        let slot = self.slots.get_mut(index)?;
        let generation = (slot.generation + 1) % GENERATIONS;
        *slot = Slot { watch, generation, used: true, flow: None };
        Some(handle(index, generation))
    }

    fn slot(&mut self, handle: u32) -> Option<&mut Slot> {
        let slot = self.slots.get_mut((handle & ((1 << INDEX_BITS) - 1)) as usize)?;
        (slot.used && u32::from(slot.generation) == handle >> INDEX_BITS).then_some(slot)
    }

    fn release(&mut self, handle: u32) {
        if let Some(slot) = self.slot(handle) {
            slot.used = false;
            self.free.push(handle & ((1 << INDEX_BITS) - 1));
        }
    }

    fn in_use(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

const fn handle(index: usize, generation: u8) -> u32 {
    index as u32 | (generation as u32) << INDEX_BITS
}

#[cfg(test)]
mod tests {
    use super::*;
    use offport_fingerprint::{Side, Speaker};

    fn exchange(bytes: &[u8]) -> Exchange<'_> {
        Exchange {
            transport: Transport::TCP,
            client: Side { bytes, ..Side::default() },
            server: Side::default(),
            first: Speaker::Client,
            client_port: 40_000,
            server_port: 80,
            midstream: false,
        }
    }

    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    #[test]
    fn a_slot_belongs_to_one_flow_at_a_time() {
        let mut watches = Watches::new(2);
        let begin = |watches: &mut Watches| watches.begin(Protocol::Http, &exchange(GET));
        let Begun::Watched(one) = begin(&mut watches) else { panic!("the first") };
        let Begun::Watched(two) = begin(&mut watches) else { panic!("the second") };
        assert_eq!(watches.in_use(), 2);
        watches.release(one);
        let Begun::Watched(three) = begin(&mut watches) else { panic!("the third") };
        assert!(watches.get_mut(one).is_none() && watches.get_mut(three).is_some());
        let Begun::Instead(four) = begin(&mut watches) else { panic!("the fourth") };
        let kept = [two, three].into_iter().filter(|&handle| watches.get_mut(handle).is_some()).count();
        assert_eq!((kept, watches.get_mut(four).is_some()), (1, true));
        // Whose slot was taken gives nothing back.
        for handle in [one, two, three, four] {
            watches.release(handle);
        }
        assert_eq!(watches.in_use(), 0);
    }

    #[test]
    fn datagrams_have_a_room_of_their_own() {
        const QUESTION: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";
        let ends = [QUESTION.len() as u16];
        let asks = Exchange {
            transport: Transport::UDP,
            client: Side::one(QUESTION, &ends),
            server_port: 53,
            ..exchange(b"")
        };
        let mut watches = Watches::new(4);
        let Begun::Watched(stream) = watches.begin(Protocol::Http, &exchange(GET)) else {
            panic!("a stream")
        };
        let Begun::Watched(first) = watches.begin(Protocol::Dns, &asks) else { panic!("the first") };
        let Begun::Instead(second) = watches.begin(Protocol::Dns, &asks) else { panic!("the second") };
        assert_eq!(
            [stream, first, second].map(|handle| watches.get_mut(handle).is_some()),
            [true, false, true]
        );
        assert_eq!(watches.in_use(), 2);
        watches.release(second);
        assert_eq!([stream, second].map(|handle| watches.get_mut(handle).is_some()), [true, false]);
    }

    #[test]
    fn what_has_broken_a_rule_or_has_none() {
        let mut watches = Watches::new(2);
        assert_eq!(watches.begin(Protocol::Ntp, &exchange(GET)), Begun::Nothing);
        let junk = [GET, &[0xa5; 40]].concat();
        assert_eq!(watches.begin(Protocol::Http, &exchange(&junk)), Begun::Broken(Breach::HttpRequest));
        assert_eq!(watches.in_use(), 0);
    }
}
