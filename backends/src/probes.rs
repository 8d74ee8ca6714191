//! The places of backends that runs are meant to come by, and their detours; nothing in ordinary builds.
//!
//! Counts are by thread, so what workers do is not among them.

tierproof_core::probe_sites! {
    sometimes: [
        "dram: several requests end in one poll",
        "dram: rows are copied",
        "dram: a part is copied within a region",
        "posix: a completion is waited for",
        "posix: a wait ends before a completion",
        "posix: several requests end in one poll",
        "posix: a request of several parts goes to files",
        "posix: direct transfer to files is asked for",
        "posix: files are read into the device",
    ],
    buggify: [
        "dram: a poll reports nothing yet",
        "dram: completions are reported in reverse",
        "posix: a poll reports nothing yet",
        "posix: completions are reported in reverse",
        "posix: a wait ends at once",
        "posix: the last part is queued first",
    ],
}
