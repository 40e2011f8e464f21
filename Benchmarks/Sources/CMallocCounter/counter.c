// Counts allocations: takes the place of malloc and its relatives for the whole process, libsodium and the Swift runtime
// included, and passes on to those of glibc.
#include "CMallocCounter.h"

#include <errno.h>
#include <stddef.h>

static _Thread_local unsigned long count;
static _Thread_local long live;

unsigned long malloc_count(void) { return count; }
long malloc_live(void) { return live; }

#ifdef __GLIBC__
#include <malloc.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

// The size of a chunk of glibc: what can be used, and its header.
static long size_of(void *memory) { return memory ? (long)(malloc_usable_size(memory) + sizeof(size_t)) : 0; }

static void *counted(void *memory) {
    count++;
    live += size_of(memory);
    return memory;
}

void *malloc(size_t size) { return counted(__libc_malloc(size)); }

void *calloc(size_t number, size_t size) { return counted(__libc_calloc(number, size)); }

void *realloc(void *memory, size_t size) {
    long before = size_of(memory);
    void *result = __libc_realloc(memory, size);
    if (result || !size) live -= before;
    return counted(result);
}

void *memalign(size_t alignment, size_t size) { return counted(__libc_memalign(alignment, size)); }

void free(void *memory) {
    live -= size_of(memory);
    __libc_free(memory);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
    void *result = memalign(alignment, size);
    if (!result) return ENOMEM;
    *memory = result;
    return 0;
}
#endif
