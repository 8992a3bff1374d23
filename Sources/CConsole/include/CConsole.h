#pragma once

/// A file of the console.
struct cconsole_file {
    /// Its name below the folder `console`.
    const char *name;
    /// The bytes that it had when this was built.
    const unsigned char *bytes;
    unsigned long byte_count;
};

/// The number of files.
unsigned long cconsole_file_count(void);

/// A file by its index.
struct cconsole_file cconsole_file(unsigned long index);
