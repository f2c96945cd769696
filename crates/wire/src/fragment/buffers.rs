//! Buffers for datagrams, reused, within a budget of bytes.

/// The smallest buffer, 2 KiB: most fragmented datagrams are a little over one MTU.
const SMALLEST_BITS: u32 = 11;
/// The largest, 64 KiB: no datagram is longer.
const LARGEST_BITS: u32 = 16;
const CLASSES: usize = (LARGEST_BITS - SMALLEST_BITS + 1) as usize;

/// Sizes are powers of two, with a list of free buffers for each.
#[derive(Debug)]
pub(super) struct Buffers {
    free: [Vec<Box<[u8]>>; CLASSES],
    /// Bytes of all buffers, handed out or free.
    allocated: usize,
    limit: usize,
}

impl Buffers {
    pub(super) fn new(limit: usize) -> Self {
        Self { free: Default::default(), allocated: 0, limit }
    }

    /// A buffer of at least `len` bytes, of any content; `None` when the budget is spent.
    pub(super) fn take(&mut self, len: usize) -> Option<Box<[u8]>> {
        let bits = len.next_power_of_two().trailing_zeros().max(SMALLEST_BITS);
        let class = (bits - SMALLEST_BITS) as usize;
        if let Some(buffer) = self.free.get_mut(class)?.pop() {
            return Some(buffer);
        }
        let size = 1 << bits;
        while self.allocated + size > self.limit {
            let unused = self.free.iter_mut().rev().find_map(Vec::pop)?;
            self.allocated -= unused.len();
        }
        self.allocated += size;
        Some(vec![0; size].into_boxed_slice())
    }

    /// Takes a buffer back.
    pub(super) fn give(&mut self, buffer: Box<[u8]>) {
        let class = buffer.len().trailing_zeros().wrapping_sub(SMALLEST_BITS) as usize;
        if let Some(free) = self.free.get_mut(class) {
            free.push(buffer);
        }
    }

    /// Bytes of all buffers; never more than the budget.
    pub(super) const fn allocated(&self) -> usize {
        self.allocated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_reused_within_the_budget() {
        let mut buffers = Buffers::new(8192);
        let small = buffers.take(1).unwrap();
        let large = buffers.take(2049).unwrap();
        assert_eq!((small.len(), large.len(), buffers.allocated()), (2048, 4096, 6144));
        assert!(buffers.take(4096).is_none());
        buffers.give(large);
        assert!(buffers.take(3000).is_some());
        assert_eq!(buffers.allocated(), 6144);
    }

    #[test]
    fn free_buffers_make_room_for_another_size() {
        let mut buffers = Buffers::new(4096);
        let small = [buffers.take(1).unwrap(), buffers.take(1).unwrap()];
        assert!(buffers.take(1).is_none());
        small.into_iter().for_each(|buffer| buffers.give(buffer));
        assert_eq!(buffers.take(4096).unwrap().len(), 4096);
        assert_eq!(buffers.allocated(), 4096);
    }

    #[test]
    fn nothing_is_larger_than_a_datagram() {
        let mut buffers = Buffers::new(usize::MAX);
        assert_eq!(buffers.take(65_535).unwrap().len(), 65_536);
        assert!(buffers.take(65_537).is_none());
    }
}
