/// Begins to count instructions, if the program runs under callgrind.
void callgrind_begin(void);
/// Ends counting, and writes the count into a file with this description.
void callgrind_end(const char *description);
/// True if the program runs under callgrind and was built with Valgrind's headers.
int callgrind_counts(void);
