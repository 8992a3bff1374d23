#include "clinux_process.h"

// The words that this process was started with, where everybody reads them (proc(5), cmdline). The C library gives them
// to constructors too; Swift keeps copies.
static int argument_count;
static char **arguments;

__attribute__((constructor)) static void remember(int count, char **words) {
    argument_count = count;
    arguments = words;
}

void clinux_hide_argument(const char *secret) {
    size_t length = strlen(secret);
    for (int index = 1; length > 0 && index < argument_count; index++) {
        char *found = strstr(arguments[index], secret);
        if (found != NULL) memset(found, '*', length);
    }
}
