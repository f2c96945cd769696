//! What an interface's time stamps count.

use offport_wire::Timestamp;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// `if_tsresol` and `if_tsoffset` (draft-ietf-opsawg-pcapng, section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resolution {
    unit: Unit,
    /// Seconds to add.
    offset: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// This many nanoseconds: 10^-9 s and longer.
    Multiple(u64),
    /// This many in a nanosecond: powers of ten shorter than 10^-9 s.
    Part(u64),
    /// 2^-n s.
    PowerOfTwo(u8),
    /// So short that 64 bits of it are less than a nanosecond.
    Nothing,
}

impl Resolution {
    /// `if_tsresol` as it is in the file, microseconds if it is not there.
    pub(super) fn new(if_tsresol: Option<u8>, offset: i64) -> Self {
        let unit = match if_tsresol.unwrap_or(6) {
            binary if binary & 0x80 != 0 => Unit::PowerOfTwo(binary & 0x7f),
            decimal @ ..=9 => Unit::Multiple(10_u64.pow(u32::from(9 - decimal))),
            decimal => match 10_u64.checked_pow(u32::from(decimal - 9)) {
                Some(parts) => Unit::Part(parts),
                None => Unit::Nothing,
            },
        };
        Self { unit, offset }
    }

    /// The point in time; before 1970 and after 2554 it is the nearest that can be said.
    pub(super) fn time(self, ticks: u64) -> Timestamp {
        let nanos = match self.unit {
            Unit::Multiple(nanos) => ticks.saturating_mul(nanos),
            Unit::Part(parts) => ticks / parts,
            Unit::PowerOfTwo(bits) => {
                let scaled = (u128::from(ticks) * u128::from(NANOS_PER_SECOND)) >> bits;
                u64::try_from(scaled).unwrap_or(u64::MAX)
            }
            Unit::Nothing => 0,
        };
        let offset = self.offset.unsigned_abs().saturating_mul(NANOS_PER_SECOND);
        Timestamp::from_nanos(match self.offset < 0 {
            false => nanos.saturating_add(offset),
            true => nanos.saturating_sub(offset),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_scaled() {
        let at = |unit, offset, ticks| Resolution::new(unit, offset).time(ticks).as_nanos();
        assert_eq!(at(None, 0, 1_500_000), 1_500_000_000);
        assert_eq!(at(Some(6), 0, 1), 1_000);
        assert_eq!(at(Some(9), 0, 1_700_000_000_123_456_789), 1_700_000_000_123_456_789);
        assert_eq!(at(Some(0), 0, 7), 7_000_000_000);
        assert_eq!(at(Some(3), 0, 7), 7_000_000);
        assert_eq!(at(Some(12), 0, 1_999), 1);
        assert_eq!(at(Some(28), 0, u64::MAX), 1);
        assert_eq!(at(Some(127), 0, u64::MAX), 0);
        assert_eq!(at(Some(0x80), 0, 3), 3_000_000_000);
        assert_eq!(at(Some(0x8a), 0, 1024 + 512), 1_500_000_000);
        assert_eq!(at(Some(0xa0), 0, 3 << 31), 1_500_000_000);
        assert_eq!(at(Some(0xff), 0, u64::MAX), 0);
    }

    #[test]
    fn offsets_saturate() {
        let at = |offset, ticks| Resolution::new(None, offset).time(ticks).as_nanos();
        assert_eq!(at(100, 1), 100_000_001_000);
        assert_eq!(at(-1, 3_000_000), 2_000_000_000);
        assert_eq!(at(-5, 3_000_000), 0);
        assert_eq!(at(i64::MAX, 0), u64::MAX);
        assert_eq!(at(i64::MIN, u64::MAX), 0);
    }
}
