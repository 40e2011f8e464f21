/// The number of allocations that this thread has made. It stays 0 where malloc cannot be replaced.
unsigned long malloc_count(void);

/// The number of bytes that this thread has allocated and not freed, with what malloc adds to each allocation. It stays
/// 0 where malloc cannot be replaced.
long malloc_live(void);
