//! F34: two on one directory. The second is refused, touches nothing, and comes in when the first is gone. Of files that last,
//! and of processes that are killed (F33), the suite `killed` tells.

use crate::cache::Cache;
use crate::ground::Ground;
use crate::on::On;
use crate::trial::Trial;
use std::path::Path;
use tierproof_core::ErrorKind;

/// In a process that has no children: between fork and exec they hold the locks of their parent.
pub(crate) fn trials() -> Vec<Trial> {
    Trial::everywhere("F34", "second_is_refused", Ground::Limits, second).collect()
}

fn second(on: On, root: &Path) {
    let mut first = Cache::full(on, root);
    let before = first.folder.names();
    let refused = Cache::open(on, root).err().expect("the first is there");
    assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
    assert_eq!(first.folder.names(), before);
    first.serve_all(|_, _| false);
    assert_eq!(first.failed(), 0, "the second touched nothing");
    first.close(&[]);
    let mut second = Cache::full(on, root);
    second.lives_on();
    second.close(&[]);
}
