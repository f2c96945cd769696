//! A watch together with its room, for those who have one only: tests and fuzzing.

use super::{DataPort, Heard, Piece, ROOM, Room, Watch};
use crate::exchange::Exchange;
use crate::name::Protocol;

#[derive(Clone, Debug)]
pub(crate) struct Alone {
    watch: Watch,
    room: Room,
}

impl Alone {
    pub(crate) fn of(protocol: Protocol, exchange: &Exchange<'_>) -> Option<(Self, Heard)> {
        let mut room = ROOM;
        Watch::of(protocol, exchange, &mut room).map(|(watch, heard)| (Self { watch, room }, heard))
    }

    pub(crate) fn listening(protocol: Protocol, exchange: &Exchange<'_>) -> Option<(Self, Heard)> {
        let mut room = ROOM;
        Watch::listening(protocol, exchange, &mut room).map(|(watch, heard)| (Self { watch, room }, heard))
    }

    pub(crate) fn hear(&mut self, piece: Piece<'_>) -> Heard {
        self.watch.hear(&mut self.room, piece)
    }

    pub(crate) const fn data_port(&mut self) -> Option<DataPort> {
        self.watch.data_port()
    }
}
