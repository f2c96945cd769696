//! The flows that are held to the rules of what they began as.

use offport_fingerprint::{Breach, DataPort, Exchange, Heard, Piece, Protocol, ROOM_LINE, Room, Watch};
use offport_flow::{FlowIndex, prefetch_whole};
use offport_wire::Transport;

/// So many at most: where there is no room, one that has been there for long makes it. Flows of UDP have a room of
/// their own: there are many more of them, most say one thing only, and none says that it is over.
#[derive(Debug)]
pub(crate) struct Watches {
    streams: Slots,
    datagrams: Slots,
    /// That of a flow that begins, until it has a slot.
    room: Room,
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

/// Slots ahead of the one that is taken, which are fetched.
const AHEAD: usize = 4;

/// The part of the capacity that datagrams' flows have beside the streams'.
const DATAGRAMS_PART: u32 = 4;

impl Watches {
    pub(crate) fn new(capacity: u32) -> Self {
        let [streams, datagrams] = [capacity, capacity / DATAGRAMS_PART].map(Slots::new);
        Self { streams, datagrams, room: [[0; ROOM_LINE]; 4] }
    }

    /// Begins with what both sides have said already.
    pub(crate) fn begin(&mut self, protocol: Protocol, exchange: &Exchange<'_>) -> Begun {
        self.put(Watch::new(protocol, exchange), exchange)
    }

    /// The same for a flow that is not held to rules.
    pub(crate) fn listen(&mut self, protocol: Protocol, exchange: &Exchange<'_>) -> Begun {
        self.put(Watch::listening(protocol, exchange), exchange)
    }

    fn put(&mut self, watch: Option<Watch>, exchange: &Exchange<'_>) -> Begun {
        let Some(mut watch) = watch else { return Begun::Nothing };
        match watch.begin(exchange, &mut self.room) {
            Heard::GoOn => {}
            Heard::Enough | Heard::Lost => return Begun::Nothing,
            Heard::Broken(broken) => return Begun::Broken(broken.breach),
        }
        let (slots, room) = match exchange.transport {
            Transport::UDP => (&mut self.datagrams, DATAGRAMS),
            _ => (&mut self.streams, 0),
        };
        match slots.put(watch, &self.room) {
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

    /// The next payload of a flow. `None`: its slot is another flow's by now.
    pub(crate) fn hear(&mut self, handle: u32, piece: Piece<'_>) -> Option<Heard> {
        let (slots, handle) = self.of(handle);
        let room = own_room(&mut slots.rooms, index(handle))?;
        let slot = slots.slots.get_mut(index(handle)).filter(|slot| slot.is(handle))?;
        Some(slot.watch.hear(room, piece))
    }

    /// The data port that was named in what a flow has said.
    pub(crate) fn data_port(&mut self, handle: u32) -> Option<DataPort> {
        let (slots, handle) = self.of(handle);
        slots.slot(handle)?.watch.data_port()
    }

    /// Whose slots are taken next in the room of this flow's.
    pub(crate) fn next_to_make_room(&self, handle: u32) -> [Option<FlowIndex>; 2] {
        if handle & DATAGRAMS == 0 { self.streams.next() } else { self.datagrams.next() }
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
    /// A room beside each slot. Its memory is that of the system's until a flow uses it for the first time.
    rooms: Vec<u8>,
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
            rooms: vec![0; capacity * size_of::<Room>()],
            free: Vec::with_capacity(capacity),
            capacity,
            hand: 0,
            displaced: None,
        }
    }

    /// The slot's handle, and whether it was taken from another flow; `None`: there are no slots.
    fn put(&mut self, watch: Watch, room: &Room) -> Option<(u32, bool)> {
        let (index, taken) = match self.free.pop() {
            Some(index) => (index as usize, false),
            None if self.slots.len() < self.capacity => (self.slots.len(), false),
            None => (self.take()?, true),
        };
        if watch.keeps_bytes() {
            *own_room(&mut self.rooms, index)? = *room;
        }
        let new = |generation| Slot { watch, generation, used: true, flow: None };
        let generation = match self.slots.get_mut(index) {
            Some(slot) => {
                let generation = (slot.generation + 1) % GENERATIONS;
                *slot = new(generation);
                generation
            }
            None => {
                self.slots.push(new(0));
                0
            }
        };
        Some((handle(index, generation), taken))
    }

    /// Takes a slot from the flow whose turn it is.
    fn take(&mut self) -> Option<usize> {
        self.hand = (self.hand + 1).checked_rem(self.slots.len())?;
        if let Some(ahead) = self.slots.get(self.hand + AHEAD) {
            prefetch_whole(ahead);
        }
        let slot = self.slots.get(self.hand)?;
        self.displaced = slot.flow.map(|flow| (flow, handle(self.hand, slot.generation)));
        Some(self.hand)
    }

    fn next(&self) -> [Option<FlowIndex>; 2] {
        [1, 2].map(|ahead| self.slots.get(self.hand + ahead)?.flow)
    }

    fn slot(&mut self, handle: u32) -> Option<&mut Slot> {
        self.slots.get_mut(index(handle)).filter(|slot| slot.is(handle))
    }

    fn release(&mut self, handle: u32) {
        if let Some(slot) = self.slot(handle) {
            slot.used = false;
            self.free.push(index(handle) as u32);
        }
    }

    fn in_use(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

impl Slot {
    /// Whether it is still that flow's.
    fn is(&self, handle: u32) -> bool {
        self.used && u32::from(self.generation) == handle >> INDEX_BITS
    }
}

fn own_room(rooms: &mut [u8], index: usize) -> Option<&mut Room> {
    let (beginnings, _) = rooms.get_mut(index * size_of::<Room>()..)?.as_chunks_mut();
    beginnings.first_chunk_mut()
}

const fn index(handle: u32) -> usize {
    (handle & ((1 << INDEX_BITS) - 1)) as usize
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

    fn has(watches: &mut Watches, handle: u32) -> bool {
        let piece = Piece { speaker: Speaker::Client, offset: 0, bytes: b"", len: 0, acked: None };
        watches.hear(handle, piece).is_some()
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
        assert!(!has(&mut watches, one) && has(&mut watches, three));
        let Begun::Instead(four) = begin(&mut watches) else { panic!("the fourth") };
        let kept = [two, three].into_iter().filter(|&handle| has(&mut watches, handle)).count();
        assert_eq!((kept, has(&mut watches, four)), (1, true));
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
        assert_eq!([stream, first, second].map(|handle| has(&mut watches, handle)), [true, false, true]);
        assert_eq!(watches.in_use(), 2);
        watches.release(second);
        assert_eq!([stream, second].map(|handle| has(&mut watches, handle)), [true, false]);
    }

    #[test]
    fn a_message_that_is_cut_goes_on_where_it_began() {
        let mut watches = Watches::new(2);
        let mut begin = |bytes| match watches.begin(Protocol::Http, &exchange(bytes)) {
            Begun::Watched(handle) => handle,
            begun => panic!("{begun:?}"),
        };
        let [one, _] = [b"GET / HTTP/1", b"GET /another"].map(|cut| begin(cut.as_slice()));
        // Behind the other's beginning it would be a whole request of HTTP/0.9.
        let bytes = b".1\r\nHost: a\r\n\r\n";
        let piece =
            Piece { speaker: Speaker::Client, offset: 12, bytes, len: bytes.len() as u32, acked: None };
        assert_eq!(watches.hear(one, piece), Some(Heard::GoOn));
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
