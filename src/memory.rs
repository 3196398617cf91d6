//! How much memory the allocator keeps. Both executables ask for little.

/// With fewer arenas, commits would wait for encoding.
const MIN_ARENAS: usize = 2;

/// Limits the allocator to one arena for each core, and memory to small pages. To be called before a second thread
/// starts.
///
/// An instance is small and its memory costs money. By default glibc has up to eight arenas for each core, and each
/// keeps its own peak: together five times what is in use at once. With one arena for each core the peak is little more
/// than half. Decoding and encoding do not wait longer, because no more than one of them runs on each core.
#[expect(unsafe_code, reason = "the C library has no other interface to its allocator")]
pub fn limit() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // SAFETY: sets one number in the allocator.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, cores.max(MIN_ARENAS) as libc::c_int) };
    // SAFETY: changes how the kernel backs this process's memory, not its content. A kernel without huge pages refuses.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
}
