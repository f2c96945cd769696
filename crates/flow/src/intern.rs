//! A bounded table of distinct values, each known by a small id.
//!
//! A value that has lost its last user stays for a while, as it is likely to come again; its id is given to another value
//! when there is no room, or when enough others have lost theirs since.

use std::collections::VecDeque;

use hashbrown::HashTable;

/// Interned values with reference counts.
#[derive(Debug)]
pub struct Interner<T> {
    ids: HashTable<u16>,
    values: Vec<Value<T>>,
    /// Ids that have lost their last user, the first to do so first. Some have found another since.
    idle: VecDeque<u16>,
    in_use: usize,
    capacity: u16,
    /// Ids that were given lately.
    recent: Box<[u16; RECENT]>,
}

/// A power of two.
const RECENT: usize = 8192;

/// Values without users that are kept while there is room.
const KEPT: usize = 8192;

#[derive(Debug)]
struct Value<T> {
    value: T,
    hash: u64,
    users: u32,
    /// It is in `idle`.
    is_listed: bool,
}

impl<T: Copy + Eq> Interner<T> {
    /// Room for `capacity` distinct values; all memory is reserved here.
    pub fn new(capacity: u16) -> Self {
        let room = usize::from(capacity);
        Self {
            // Twice the room: erased slots can then never force the table to grow (see `table`).
            ids: HashTable::with_capacity(room * 2),
            values: Vec::with_capacity(room),
            idle: VecDeque::with_capacity(room),
            in_use: 0,
            capacity,
            recent: Box::new([0; RECENT]),
        }
    }

    /// The id of a value, one user more; `None` when the table is full. Equal values must have equal hashes.
    ///
    /// `near` costs less than a hash and tells many values apart: of the latest value of each, that it `is` the one is
    /// known without a hash, and without the value itself.
    pub fn acquire(
        &mut self,
        near: u16,
        is: impl FnOnce(&T) -> bool,
        value: impl FnOnce() -> T,
        hash: impl FnOnce(&T) -> u64,
    ) -> Option<u16> {
        let recent = usize::from(near) % RECENT;
        let id = self.recent[recent];
        if self.values.get(usize::from(id)).is_some_and(|known| is(&known.value)) {
            self.use_again(id);
            return Some(id);
        }
        let value = value();
        let id = self.look_up(hash(&value), value)?;
        self.recent[recent] = id;
        Some(id)
    }

    fn use_again(&mut self, id: u16) {
        let users = &mut self.values[usize::from(id)].users;
        self.in_use += usize::from(*users == 0);
        *users = users.saturating_add(1);
    }

    #[inline(never)]
    fn look_up(&mut self, hash: u64, value: T) -> Option<u16> {
        let Self { ids, values, .. } = self;
        let known = ids.find(hash, |&id| values[usize::from(id)].value == value).copied();
        if let Some(id) = known {
            self.use_again(id);
            return Some(id);
        }
        let new = Value { value, hash, users: 1, is_listed: false };
        let id = match self.unused() {
            Some(id) => {
                self.values[usize::from(id)] = new;
                id
            }
            None if self.values.len() < usize::from(self.capacity) => {
                self.values.push(new);
                (self.values.len() - 1) as u16
            }
            None => return None,
        };
        self.in_use += 1;
        let Self { ids, values, .. } = self;
        ids.insert_unique(hash, id, |&id| values[usize::from(id)].hash);
        Some(id)
    }

    /// An id that has been without users for longest, if there is no other room or enough of its kind.
    fn unused(&mut self) -> Option<u16> {
        let is_full = self.values.len() >= usize::from(self.capacity);
        while is_full || self.idle.len() > KEPT {
            let id = self.idle.pop_front()?;
            let value = &mut self.values[usize::from(id)];
            value.is_listed = false;
            if value.users == 0 {
                if let Ok(entry) = self.ids.find_entry(value.hash, |&other| other == id) {
                    entry.remove();
                }
                return Some(id);
            }
        }
        None
    }

    /// The value of an id that [`Interner::acquire`] gave and that is in use.
    pub fn get(&self, id: u16) -> Option<&T> {
        self.values.get(usize::from(id)).filter(|value| value.users > 0).map(|value| &value.value)
    }

    /// One user less.
    pub fn release(&mut self, id: u16) {
        let Some(value) = self.values.get_mut(usize::from(id)).filter(|value| value.users > 0) else {
            return;
        };
        value.users -= 1;
        if value.users == 0 {
            self.in_use -= 1;
            if !value.is_listed {
                value.is_listed = true;
                self.idle.push_back(id);
            }
        }
    }

    /// Distinct values in use.
    pub fn len(&self) -> usize {
        self.in_use
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.in_use == 0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_values_share_an_id_until_the_last_user_leaves() {
        let mut table = Interner::new(2);
        // Whether or not there is a recent one to go by.
        let mut near = (0..).map(|number: u32| (number / 3) as u16);
        let mut acquire = |interner: &mut Interner<_>, hash: u64, value: &'static str| {
            interner.acquire(near.next().unwrap(), |known| *known == value, || value, |_| hash)
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

    #[test]
    fn a_value_without_users_stays_until_its_room_is_needed() {
        let mut table = Interner::new(u16::MAX);
        let acquire = |table: &mut Interner<u32>, value: u32| {
            table.acquire(value as u16, |known| *known == value, || value, |value| u64::from(*value)).unwrap()
        };
        let first = acquire(&mut table, 0);
        table.release(first);
        assert_eq!(acquire(&mut table, 0), first);
        table.release(first);
        for value in 1..=KEPT as u32 {
            let id = acquire(&mut table, value);
            table.release(id);
        }
        assert_eq!((table.len(), table.values.len(), table.idle.len()), (0, KEPT + 1, KEPT + 1));
        assert_eq!(acquire(&mut table, 50_000), first, "the first that was left");
        assert_eq!(table.values.len(), KEPT + 1);
    }

    proptest! {
        /// Against a map.
        #[test]
        fn it_is_a_map_with_users(steps in proptest::collection::vec((0..12_u8, any::<bool>()), 0..300)) {
            let mut table = Interner::new(5);
            let mut model: HashMap<u8, (u16, u32)> = HashMap::new();
            for (value, add) in steps {
                let near = u16::from(value % 3);
                match (add, model.get_mut(&value)) {
                    (true, known) => {
                        let id =
                            table.acquire(near, |known| *known == value, || value, |value| u64::from(value % 2));
                        match known {
                            Some((same, users)) => {
                                prop_assert_eq!(id, Some(*same));
                                *users += 1;
                            }
                            None => {
                                prop_assert_eq!(id.is_some(), model.len() < 5);
                                model.extend(id.map(|id| (value, (id, 1))));
                            }
                        }
                    }
                    (false, Some((id, users))) => {
                        table.release(*id);
                        *users -= 1;
                        if *users == 0 {
                            prop_assert_eq!(table.get(*id), None);
                            model.remove(&value);
                        }
                    }
                    (false, None) => {}
                }
                prop_assert_eq!(table.len(), model.len());
                for (value, (id, _)) in &model {
                    prop_assert_eq!(table.get(*id), Some(value));
                }
            }
        }
    }
}
