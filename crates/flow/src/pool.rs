//! A bounded pool of equal things, handed out by index and used again.

/// The index of nothing.
pub(crate) const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Pool<T> {
    items: Vec<T>,
    free: Vec<u32>,
    capacity: u32,
}

impl<T: Default> Pool<T> {
    pub(crate) fn new(capacity: u32) -> Self {
        Self {
            items: Vec::with_capacity(capacity as usize),
            free: Vec::with_capacity(capacity as usize),
            capacity,
        }
    }

    /// A thing in the state that its last user left it in.
    pub(crate) fn acquire(&mut self) -> Option<u32> {
        if let Some(index) = self.free.pop() {
            return Some(index);
        }
        if self.items.len() < self.capacity as usize {
            self.items.push(T::default());
            return Some((self.items.len() - 1) as u32);
        }
        None
    }

    pub(crate) fn release(&mut self, index: u32) {
        debug_assert!(!self.free.contains(&index) || self.free.len() > 64, "released twice");
        self.free.push(index);
    }

    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        self.items.get(index as usize)
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.items.get_mut(index as usize)
    }

    pub(crate) fn in_use(&self) -> u32 {
        (self.items.len() - self.free.len()) as u32
    }

    pub(crate) fn left(&self) -> u32 {
        self.capacity - self.in_use()
    }
}
