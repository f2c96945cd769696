//! Packets out of the store, while it is being written or not.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use offport_engine::Session;
use offport_wire::Timestamp;

use super::index::{ChunkIndex, Summary};
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

impl PacketStore {
    /// The store in a folder. An empty one, if there is none.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Looks for the packets of wanted sessions in a range of time.
    ///
    /// # Errors
    /// The folder or a file in it cannot be read. What has made room meanwhile is no error.
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
        Ok(found)
    }
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

    /// Shows each packet, by time. How many had made room meanwhile, or could not be read as packets.
    ///
    /// # Errors
    /// A file cannot be read, or what `show` says.
    pub fn read<E: From<io::Error>>(
        &self,
        mut show: impl FnMut(FoundPacket<'_>) -> Result<(), E>,
    ) -> Result<u64, E> {
        let mut files: HashMap<u32, Option<(File, Vec<String>)>> = HashMap::new();
        let mut buffer = Vec::new();
        let mut gone = 0;
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
            let (Some(packet), Some((_, interfaces))) = (packet, file) else {
                gone += 1;
                continue;
            };
            let interface = interfaces.get(packet.interface as usize).map_or("", String::as_str);
            show(FoundPacket { session: &self.sessions[place.session as usize], interface, packet })?;
        }
        Ok(gone)
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
    buffer.resize(FIRST, 0);
    let mut len = file.read_at(buffer, offset)?;
    let Some(block) = pcapng::packet_block_len(&buffer[..len]) else { return Ok(None) };
    if block > len {
        buffer.resize(block, 0);
        len += file.read_at(&mut buffer[len..], offset + len as u64)?;
    }
    Ok(pcapng::packet(&buffer[..len.min(block)]))
}
