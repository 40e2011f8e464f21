/// The number of allocations that this thread has made. It stays 0 where malloc cannot be replaced.
unsigned long malloc_count(void);
