//! The allocator, and that it keeps little of what a large batch needed.
//!
//! An instance is small and its memory is paid for. glibc lets up to eight threads a core allocate side by side, each in an
//! arena of its own that keeps its own peak; what is in use at once is a fifth of their sum. With as many arenas as cores
//! the peak is little more than half, and decoding and encoding, of which no more than that run at once, wait no longer.

/// Below this, commits would wait for encoding.
const LEAST_ARENAS: usize = 2;

/// As many arenas as cores, and memory in small pages. Before there is a second thread.
#[expect(unsafe_code, reason = "the C library has no other interface to its allocator")]
pub fn keep_little() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // SAFETY: sets one number of the allocator's.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, cores.max(LEAST_ARENAS) as libc::c_int) };
    // SAFETY: changes how the kernel backs this process's memory and nothing in it. A kernel without huge pages refuses.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
}
