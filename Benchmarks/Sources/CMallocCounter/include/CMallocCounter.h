/// The number of allocations that this thread has made. It stays 0 if malloc cannot be replaced on this system.
unsigned long malloc_count(void);

/// The number of bytes that this thread has allocated and not freed, including malloc's overhead per allocation. It
/// stays 0 if malloc cannot be replaced on this system.
long malloc_live(void);
