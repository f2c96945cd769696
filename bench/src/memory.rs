//! Huge pages, and prefetch: what the bare loop needs to be as fast as a bare loop can be.
#![allow(unsafe_code)] // an allocator and an instruction; each block says why it is sound

use std::alloc::Layout;
use std::ptr::NonNull;

use allocator_api2::alloc::{AllocError, Allocator, Global};
use anyhow::Context as _;

/// Memory in 2 MiB pages where the kernel has them (`transparent_hugepage` set to `madvise` or `always`).
#[derive(Clone, Copy, Debug, Default)]
pub struct HugePages;

const HUGE: usize = 2 << 20;

// SAFETY: everything is `Global`'s, which this type adds nothing to but alignment (a stricter layout is a valid one, and
// `deallocate` derives the same one) and advice to the kernel, which changes no content.
unsafe impl Allocator for HugePages {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let memory = Global.allocate(aligned(layout)?)?;
        // SAFETY: the range was just allocated. MADV_HUGEPAGE only changes how it is backed; a refusal is harmless.
        unsafe { libc::madvise(memory.as_ptr().cast(), memory.len(), libc::MADV_HUGEPAGE) };
        Ok(memory)
    }

    unsafe fn deallocate(&self, memory: NonNull<u8>, layout: Layout) {
        if let Ok(layout) = aligned(layout) {
            // SAFETY: allocated above with the same layout.
            unsafe { Global.deallocate(memory, layout) };
        }
    }
}

fn aligned(layout: Layout) -> Result<Layout, AllocError> {
    layout.align_to(HUGE).map_err(|_| AllocError)
}

/// Zeroed bytes in huge pages.
pub fn huge_bytes(len: usize) -> allocator_api2::vec::Vec<u8, HugePages> {
    let mut bytes = allocator_api2::vec::Vec::new_in(HugePages);
    bytes.resize(len, 0);
    bytes
}

/// Asks for the cache line of `value`. Does nothing where there is no instruction for it.
#[inline(always)]
pub fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program could see; any address is allowed.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(
            std::ptr::from_ref(value).cast(),
        );
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// Bytes of physical memory that the process holds.
///
/// # Errors
/// /proc does not say.
pub fn resident() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").context("/proc/self/statm")?;
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    // SAFETY: no pointers.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Ok(pages.context("/proc/self/statm has no second number")? * u64::try_from(page)?)
}

/// Gives memory that is free back to the system: what earlier parts left behind would else be used again, and missed by
/// who weighs what is new.
pub fn give_back_what_is_free() {
    // SAFETY: glibc's own business, whatever it finds; no pointers.
    unsafe { libc::malloc_trim(0) };
}
