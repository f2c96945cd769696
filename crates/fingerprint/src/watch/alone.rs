//! A watch together with its room, for those who have one only: tests and fuzzing.

use super::{DataPort, Heard, Piece, ROOM_LINE, Room, Watch};
use crate::exchange::Exchange;
use crate::name::Protocol;

#[derive(Clone, Debug)]
pub(crate) struct Alone {
    watch: Watch,
    room: Room,
}

impl Alone {
    pub(crate) fn of(protocol: Protocol, exchange: &Exchange<'_>) -> Option<(Self, Heard)> {
        Watch::new(protocol, exchange).map(|watch| Self::begin(watch, exchange))
    }

    pub(crate) fn listening(protocol: Protocol, exchange: &Exchange<'_>) -> Option<(Self, Heard)> {
        Watch::listening(protocol, exchange).map(|watch| Self::begin(watch, exchange))
    }

    fn begin(mut watch: Watch, exchange: &Exchange<'_>) -> (Self, Heard) {
        let mut room = [[0; ROOM_LINE]; 4];
        let heard = watch.begin(exchange, &mut room);
        (Self { watch, room }, heard)
    }

    /// Whether both know the same of what they have heard.
    pub(crate) fn is_as_far_as(&self, other: &Self) -> bool {
        self.watch == other.watch
    }

    pub(crate) fn hear(&mut self, piece: Piece<'_>) -> Heard {
        self.watch.hear(&mut self.room, piece)
    }

    pub(crate) const fn data_port(&mut self) -> Option<DataPort> {
        self.watch.data_port()
    }
}
