// SQLite, with a call of its that Swift cannot make.
#ifndef CSQLITE_H
#define CSQLITE_H

#include <sqlite3.h>

/// Leaves the write-ahead log as it is when the connection is closed: a macro's number and variadic arguments.
static inline int csqlite_keep_log_at_close(sqlite3 *connection) {
    return sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}

#endif
