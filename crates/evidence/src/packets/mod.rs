//! The packet store: a ring of capture files on disk, each with an index of whose packets are where in it.
//!
//! A worker's [`Keeper`] copies frames into chunks of 256 KiB, which are pieces of a pcapng file already; a thread of its own appends
//! them, and to the index a frame for each. The oldest file makes room for the newest. Nothing on the way waits for the disk:
//! what it does not take is counted.

mod chunk;
mod disk;
mod extract;
pub mod fuzz;
mod index;
mod keeper;
mod order;
mod pcapng;
mod reader;
mod repair;
mod segment;
mod writer;

pub use disk::Counts;
pub use extract::extract;
pub use keeper::{Keeper, Kept};
pub use pcapng::StoredPacket;
pub use reader::{Found, FoundPacket, PacketStore};
pub use writer::{PacketSettings, PacketWriter, start};

#[cfg(test)]
mod tests;
