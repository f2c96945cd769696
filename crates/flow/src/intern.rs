//! A bounded table of distinct values, each known by a small id and freed with its last user.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Interned values with reference counts.
#[derive(Debug)]
pub struct Interner<T> {
    ids: HashTable<u16>,
    values: Vec<Value<T>>,
    free: Vec<u16>,
    capacity: u16,
    /// Ids that were given lately.
    recent: [u16; RECENT],
}

/// A power of two.
const RECENT: usize = 64;

#[derive(Debug)]
struct Value<T> {
    value: T,
    hash: u64,
    users: u32,
}

impl<T: Copy + Eq> Interner<T> {
    /// Room for `capacity` distinct values; all memory is reserved here.
    pub fn new(capacity: u16) -> Self {
        let room = usize::from(capacity);
        Self {
            // Twice the room: erased slots can then never force the table to grow (see `table`).
            ids: HashTable::with_capacity(room * 2),
            values: Vec::with_capacity(room),
            free: Vec::with_capacity(room),
            capacity,
            recent: [0; RECENT],
        }
    }

    /// The id of `value`, one user more; `None` when the table is full. Equal values must have equal hashes.
    ///
    /// `near` costs less than a hash and tells many values apart: the latest value of each is known without one.
    pub fn acquire(&mut self, near: u8, value: T, hash: impl FnOnce(&T) -> u64) -> Option<u16> {
        let recent = usize::from(near) % RECENT;
        let id = self.recent[recent];
        if let Some(known) = self.values.get_mut(usize::from(id))
            && known.users > 0
            && known.value == value
        {
            known.users = known.users.saturating_add(1);
            return Some(id);
        }
        let id = self.look_up(hash(&value), value)?;
        self.recent[recent] = id;
        Some(id)
    }

    fn look_up(&mut self, hash: u64, value: T) -> Option<u16> {
        let Self { ids, values, free, capacity, .. } = self;
        let entry =
            ids.entry(hash, |&id| values[usize::from(id)].value == value, |&id| values[usize::from(id)].hash);
        match entry {
            Entry::Occupied(entry) => {
                let id = *entry.get();
                let users = &mut values[usize::from(id)].users;
                *users = users.saturating_add(1);
                Some(id)
            }
            Entry::Vacant(entry) => {
                let new = Value { value, hash, users: 1 };
                let id = if let Some(id) = free.pop() {
                    values[usize::from(id)] = new;
                    id
                } else if values.len() < usize::from(*capacity) {
                    values.push(new);
                    (values.len() - 1) as u16
                } else {
                    return None;
                };
                entry.insert(id);
                Some(id)
            }
        }
    }

    /// The value of an id that [`Interner::acquire`] gave and that is in use.
    pub fn get(&self, id: u16) -> Option<&T> {
        self.values.get(usize::from(id)).filter(|value| value.users > 0).map(|value| &value.value)
    }

    /// One user less; the last one frees the id.
    pub fn release(&mut self, id: u16) {
        let Some(value) = self.values.get_mut(usize::from(id)).filter(|value| value.users > 0) else {
            return;
        };
        value.users -= 1;
        if value.users == 0 {
            if let Ok(entry) = self.ids.find_entry(value.hash, |&other| other == id) {
                entry.remove();
            }
            self.free.push(id);
        }
    }

    /// Distinct values in use.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_an_id_until_the_last_user_leaves() {
        let mut table = Interner::new(2);
        // Whether or not there is a recent one to go by.
        let mut near = (0..).map(|number: u32| (number / 3) as u8);
        let mut acquire = |interner: &mut Interner<_>, hash: u64, value: &'static str| {
            interner.acquire(near.next().unwrap(), value, |_| hash)
        };
        let interner = &mut table;
        let a = acquire(interner, 1, "a").unwrap();
        assert_eq!(acquire(interner, 1, "a"), Some(a));
        let b = acquire(interner, 1, "b").unwrap();
        assert_ne!(a, b, "equal hashes do not make values equal");
        assert_eq!(acquire(interner, 3, "c"), None, "full");
        interner.release(a);
        assert_eq!(interner.get(a), Some(&"a"));
        assert_eq!(acquire(interner, 3, "c"), None, "still in use once");
        interner.release(a);
        assert_eq!(interner.get(a), None);
        assert_eq!(acquire(interner, 3, "c"), Some(a));
        assert_eq!(interner.len(), 2);
        interner.release(99);
    }
}
