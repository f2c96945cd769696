//! The one module with `unsafe`: prefetching, comparing bytes at once, and memory in huge pages.
//!
//! All were measured. To compare tags at once takes 2 to 3 % off a packet's time at a thousand flows; a table of a
//! million flows is larger than any cache and, in pages of 4 KiB, larger than what the TLB reaches (bench/README.md).
#![allow(unsafe_code, reason = "instructions that have no safe form, and an allocator")]

use std::alloc::Layout;
use std::ptr::NonNull;

use allocator_api2::alloc::{AllocError, Allocator, Global};

/// Has the cache line of a value fetched.
#[inline(always)]
pub fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction reads no memory and cannot fault, whatever the address; SSE is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// Has all cache lines of a value fetched.
#[inline(always)]
pub fn prefetch_whole<T>(value: &T) {
    let lines = size_of::<T>().div_ceil(LINE);
    for line in 0..lines {
        // No more than an address, inside the value or at its end's line.
        let at = std::ptr::from_ref(value).cast::<u8>().wrapping_add(line * LINE);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(at.cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = at;
    }
}

/// Bytes of a cache line.
const LINE: usize = 64;

/// A bit for each byte of `low` and then `high`, from their lowest on, that is `byte`. Those above are not meant.
#[inline(always)]
pub(crate) fn equal(low: u64, high: u32, byte: u8) -> u32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};
        let bytes = _mm_set_epi64x(i64::from(high), low.cast_signed());
        _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte.cast_signed()))).cast_unsigned()
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let bytes = u128::from(high) << 64 | u128::from(low);
        (0..12).fold(0, |bits, at| bits | u32::from((bytes >> (8 * at)) as u8 == byte) << at)
    }
}

/// An allocator that asks for huge pages for what is large enough to fill one.
///
/// It is advice (`madvise(2)`, `MADV_HUGEPAGE`): a kernel without transparent huge pages, or with none to spare, gives
/// ordinary ones.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HugePages;

/// Of x86-64, and of aarch64 with pages of 4 KiB. Miri looks at each byte that a test writes.
const HUGE: usize = if cfg!(miri) { 1 << 10 } else { 2 << 20 };

/// The layout that is asked for instead: whole huge pages. `None`: the request is too small for one.
fn whole_pages(layout: Layout) -> Option<Layout> {
    let size = layout.size().checked_next_multiple_of(HUGE)?;
    (layout.size() >= HUGE).then_some(())?;
    Layout::from_size_align(size, layout.align().max(HUGE)).ok()
}

// SAFETY: all memory is `Global`'s. What a block was asked for with is computed again when it goes back: any layout that
// fits the block (its size is between what was requested and the whole pages that were given) gives the same.
unsafe impl Allocator for HugePages {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let Some(pages) = whole_pages(layout) else { return Global.allocate(layout) };
        let block = Global.allocate(pages)?;
        #[cfg(all(target_os = "linux", not(miri)))]
        // SAFETY: the range is the block, which starts and ends at a page's boundary; the advice changes no content.
        // That it was not taken costs speed and nothing else, so the answer is not looked at.
        unsafe {
            libc::madvise(block.as_ptr().cast(), pages.size(), libc::MADV_HUGEPAGE);
        }
        Ok(block)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller gives a block of `allocate` and a layout that fits it; see above.
        unsafe { Global.deallocate(block, whole_pages(layout).unwrap_or(layout)) }
    }
}

#[cfg(test)]
mod tests {
    use allocator_api2::vec::Vec;

    use super::*;

    #[test]
    fn equal_bytes_are_found_wherever_they_are() {
        let bytes: [u8; 12] = [7, 0, 0xff, 7, 1, 2, 3, 7, 0x80, 0xff, 7, 0];
        let (low, high) = bytes.split_at(8);
        let (low, high) =
            (u64::from_le_bytes(low.try_into().unwrap()), u32::from_le_bytes(high.try_into().unwrap()));
        for byte in [0, 1, 7, 0x80, 0xff, 9] {
            let expected = (0..12).fold(0, |bits, at| bits | u32::from(bytes[at] == byte) << at);
            assert_eq!(equal(low, high, byte) & 0xfff, expected, "{byte}");
        }
    }

    #[test]
    fn what_is_fetched_stays_as_it_is() {
        let value = [5_u8; 200];
        prefetch(&value);
        prefetch_whole(&value);
        prefetch_whole(&());
        assert_eq!(value, [5; 200]);
    }

    #[test]
    fn small_and_large_blocks_grow_and_go_back() {
        for len in [0, 1, HUGE - 1, HUGE, HUGE + 1, 5 * HUGE / 2] {
            let mut bytes = Vec::with_capacity_in(len, HugePages);
            bytes.extend((0..len).map(|at| at as u8));
            if len >= HUGE {
                assert_eq!(bytes.as_ptr().addr() % HUGE, 0, "{len}");
            }
            bytes.push(1);
            bytes.shrink_to_fit();
            assert!(bytes[..len].iter().enumerate().all(|(at, &byte)| byte == at as u8), "{len}");
        }
    }

    #[test]
    fn whole_pages_are_asked_for() {
        let of = |size: usize| Layout::from_size_align(size, 8).unwrap();
        assert_eq!(whole_pages(of(HUGE - 1)), None);
        assert_eq!(whole_pages(of(HUGE)), Layout::from_size_align(HUGE, HUGE).ok());
        assert_eq!(whole_pages(of(HUGE + 1)), Layout::from_size_align(2 * HUGE, HUGE).ok());
        assert_eq!(whole_pages(of(isize::MAX as usize - 7)), None);
    }
}
