//! The allocator, and that it gives back what a large batch needed.
//!
//! An instance is small and its memory is paid for. The system's allocator keeps the peak of every thread; mimalloc keeps
//! freed pages for a second, and pages of 2 MB where 64 kB are in use, which on many threads adds up to several times what is in
//! use at once.

use libmimalloc_sys::{mi_option_set, mi_option_t};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of `mimalloc.h`, between 14 and 16, which the bindings do name.
const PURGE_DELAY: mi_option_t = 15;

/// Freed pages go back to the system at once, and memory comes in small ones.
pub fn give_back_at_once() {
    // SAFETY: sets one number in a table of the allocator's, before there is a second thread.
    unsafe { mi_option_set(PURGE_DELAY, 0) }
    // SAFETY: changes how the kernel backs this process's memory and nothing in it. A kernel without huge pages refuses.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
}
