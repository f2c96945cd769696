//! Packets out of the store, while it is being written or not.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use offport_engine::Session;
use offport_wire::Timestamp;

use super::index::{self, ChunkIndex, Summary};
use super::order::{Step, order};
use super::pcapng::{self, StoredPacket};
use super::segment::{self, Segment};

/// More than any file's head has.
const HEAD: usize = 64 * 1024;

/// A folder of packets.
#[derive(Clone, Debug)]
pub struct PacketStore {
    folder: PathBuf,
}

/// Packets that were found, by time.
#[derive(Debug)]
pub struct Found {
    folder: PathBuf,
    segments: Vec<Segment>,
    sessions: Vec<Session>,
    places: Vec<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    time: u64,
    segment: u32,
    offset: u64,
    session: u32,
}

/// A packet out of the store.
#[derive(Clone, Copy, Debug)]
pub struct FoundPacket<'a> {
    /// Whose it is.
    pub session: &'a Session,
    /// Name of the interface that it came in by; empty: unknown.
    pub interface: &'a str,
    /// The packet.
    pub packet: StoredPacket<'a>,
}

/// Whose a packet is, and what its file's interfaces are called.
struct Where<'a> {
    session: &'a Session,
    interfaces: &'a [String],
}

impl PacketStore {
    /// The store in a folder. An empty one, if there is none.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Looks for the packets of wanted sessions in a range of time.
    ///
    /// # Errors
    /// The folder or a file in it cannot be read, or is of another version. What has made room meanwhile is no error.
    pub fn find(
        &self,
        (from, to): (Timestamp, Timestamp),
        mut wanted: impl FnMut(&Session) -> bool,
    ) -> io::Result<Found> {
        let (from, to) = (from.as_nanos(), to.as_nanos());
        let segments = match segment::list(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            listed => listed?,
        };
        let mut found =
            Found { folder: self.folder.clone(), segments, sessions: Vec::new(), places: Vec::new() };
        let mut known: HashMap<Session, Option<u32>> = HashMap::new();
        for (number, segment) in found.segments.iter().enumerate() {
            let Some(index) = read_index(&segment.index(&self.folder), from, to)? else { continue };
            index::MAGIC.check(&index).map_err(|error| named(error, &segment.index(&self.folder)))?;
            let mut rest = &index[..];
            while let Some((chunk, behind)) = ChunkIndex::read(rest) {
                rest = behind;
                if chunk.is_summary() || chunk.last < from || chunk.first > to {
                    continue;
                }
                for packets in chunk.sessions() {
                    let session = Session { flagged: false, ..packets.session };
                    let at = known.entry(session).or_insert_with(|| {
                        wanted(&session).then(|| {
                            found.sessions.push(session);
                            found.sessions.len() as u32 - 1
                        })
                    });
                    let Some(session) = *at else { continue };
                    found.sessions[session as usize].flagged |= packets.session.flagged;
                    let within = packets.places().filter(|&(time, _)| (from..=to).contains(&time));
                    let segment = number as u32;
                    found.places.extend(within.map(|(time, offset)| Place {
                        time,
                        segment,
                        offset,
                        session,
                    }));
                }
            }
        }
        found.places.sort_unstable();
        found.put_in_order()?;
        Ok(found)
    }
}

fn named(error: io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// An index whose file may hold something of that time.
fn read_index(path: &Path, from: u64, to: u64) -> io::Result<Option<Vec<u8>>> {
    let read = || -> io::Result<Option<Vec<u8>>> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        let mut end = [0; Summary::LEN];
        if let Some(at) = len.checked_sub(Summary::LEN as u64) {
            file.read_exact_at(&mut end, at)?;
            if Summary::at_end_of(&end).is_some_and(|summary| summary.last < from || summary.first > to) {
                return Ok(None);
            }
        }
        fs::read(path).map(Some)
    };
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result,
    }
}

impl Found {
    /// Packets.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whose packets they are, in no order.
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// The packets of each connection as they happened, in the places that they have by time.
    fn put_in_order(&mut self) -> io::Result<()> {
        let mut of_sessions: BTreeMap<u32, (Vec<usize>, Vec<Step>)> = BTreeMap::new();
        let mut at = 0;
        self.each(|_, packet| {
            if let Some(step) = packet.and_then(|packet| Step::of(&packet)) {
                let (slots, steps) = of_sessions.entry(self.places[at].session).or_default();
                slots.push(at);
                steps.push(step);
            }
            at += 1;
            io::Result::Ok(())
        })?;
        for (slots, steps) in of_sessions.into_values() {
            let ordered: Vec<Place> =
                order(&steps).into_iter().map(|number| self.places[slots[number]]).collect();
            slots.iter().zip(ordered).for_each(|(&at, place)| self.places[at] = place);
        }
        Ok(())
    }

    /// Shows each packet, by time. How many had made room meanwhile, or could not be read as packets.
    ///
    /// # Errors
    /// A file cannot be read, or what `show` says.
    pub fn read<E: From<io::Error>>(
        &self,
        mut show: impl FnMut(FoundPacket<'_>) -> Result<(), E>,
    ) -> Result<u64, E> {
        let mut gone = 0;
        self.each::<E>(|found, packet| {
            match packet {
                Some(packet) => {
                    let Where { session, interfaces } = found;
                    let interface = interfaces.get(packet.interface as usize).map_or("", String::as_str);
                    show(FoundPacket { session, interface, packet })?;
                }
                None => gone += 1,
            }
            Ok(())
        })?;
        Ok(gone)
    }

    /// Shows each packet; `None`: it is not there any more.
    fn each<E: From<io::Error>>(
        &self,
        mut show: impl FnMut(Where<'_>, Option<StoredPacket<'_>>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut files: HashMap<u32, Option<(File, Vec<String>)>> = HashMap::new();
        let mut buffer = Vec::new();
        for place in &self.places {
            let file = match files.entry(place.segment) {
                std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::hash_map::Entry::Vacant(entry) => {
                    let segment = &self.segments[place.segment as usize];
                    entry.insert(open(&segment.data(&self.folder))?)
                }
            };
            let packet = match file {
                Some((file, _)) => read_packet(file, place.offset, &mut buffer)?,
                None => None,
            };
            let interfaces = file.as_ref().map_or(&[][..], |(_, interfaces)| interfaces);
            show(Where { session: &self.sessions[place.session as usize], interfaces }, packet)?;
        }
        Ok(())
    }
}

/// A capture file, and the names of its interfaces.
fn open(path: &Path) -> io::Result<Option<(File, Vec<String>)>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut head = vec![0; HEAD];
    let len = file.read_at(&mut head, 0)?;
    Ok(pcapng::interfaces(&head[..len]).map(|(names, _)| (file, names)))
}

/// `None`: no packet is there.
fn read_packet<'b>(
    file: &File,
    offset: u64,
    buffer: &'b mut Vec<u8>,
) -> io::Result<Option<StoredPacket<'b>>> {
    /// Most packets have no more.
    const FIRST: usize = 2_048;
    /// The system takes a place beyond that for an error.
    const FURTHEST: u64 = 1 << 62;
    if offset > FURTHEST {
        return Ok(None);
    }
    buffer.resize(FIRST, 0);
    let mut len = file.read_at(buffer, offset)?;
    let Some(block) = pcapng::packet_block_len(&buffer[..len]) else { return Ok(None) };
    if block > len {
        buffer.resize(block, 0);
        len += file.read_at(&mut buffer[len..], offset + len as u64)?;
    }
    Ok(pcapng::packet(&buffer[..len.min(block)]))
}
