//! Which file of a region holds which of its bytes.

use tierproof_core::Bytes;

/// Bytes up to which consecutive slots stay together in one file.
const STRETCH: Bytes = 4608 << 10;

/// Slots spread over files: a stretch of consecutive slots in each, round and round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stripes {
    files: u64,
    /// Bytes of a stretch, whole slots.
    stretch: Bytes,
    len: Bytes,
}

impl Stripes {
    /// `len` bytes of slots of `stride` bytes in `files` files, or fewer where there are too few slots.
    ///
    /// # Panics
    /// Unless `len` is at least one whole slot.
    pub(crate) fn new(files: u32, stride: Bytes, len: Bytes) -> Self {
        let stretch = if files <= 1 { len } else { stride * (STRETCH / stride).max(1) };
        let files = u64::from(files.max(1)).min(len.div_ceil(stretch));
        Self { files, stretch, len }
    }

    /// How many files there are.
    pub(crate) fn files(&self) -> usize {
        self.files as usize
    }

    /// Bytes that lie together in one file, from a multiple of them on.
    pub(crate) fn stretch(&self) -> Bytes {
        self.stretch
    }

    /// The file of byte `at`, and where in it.
    pub(crate) fn locate(&self, at: Bytes) -> (usize, Bytes) {
        let (stretch, within) = (at / self.stretch, at % self.stretch);
        ((stretch % self.files) as usize, stretch / self.files * self.stretch + within)
    }

    /// Bytes of a file.
    pub(crate) fn file_len(&self, file: usize) -> Bytes {
        let (whole, rest) = (self.len / self.stretch, self.len % self.stretch);
        let file = file as u64;
        let stretches = whole / self.files + u64::from(file < whole % self.files);
        let short = if file == whole % self.files { rest } else { 0 };
        stretches * self.stretch + short
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Every slot has bytes of its own, in a file that is as long as its last slot ends.
        #[test]
        fn slots_fill_the_files(files in 1_u32..20, stride in 1_u64..600, slots in 1_u64..300) {
            let stride = stride * 16_384;
            let stripes = Stripes::new(files, stride, stride * slots);
            prop_assert!((1..=files as usize).contains(&stripes.files()));
            let mut taken = vec![Vec::new(); stripes.files()];
            for slot in 0..slots {
                let (file, at) = stripes.locate(slot * stride);
                prop_assert_eq!(stripes.locate(slot * stride + stride - 1), (file, at + stride - 1));
                taken[file].push(at);
            }
            for (file, mut taken) in taken.into_iter().enumerate() {
                taken.sort_unstable();
                let expected: Vec<u64> = (0..taken.len() as u64).map(|slot| slot * stride).collect();
                prop_assert_eq!(&taken, &expected, "no holes, nothing twice");
                prop_assert_eq!(stripes.file_len(file), taken.len() as u64 * stride);
            }
        }

        #[test]
        fn what_is_in_one_stretch_is_together(files in 1_u32..20, at in 0_u64..100 << 20, len in 1_u64..4 << 20) {
            let stripes = Stripes::new(files, 1 << 20, 128 << 20);
            let (from, to) = (at / stripes.stretch(), (at + len - 1) / stripes.stretch());
            let ((file, start), end) = (stripes.locate(at), stripes.locate(at + len - 1));
            prop_assert_eq!(from == to, end == (file, start + len - 1) && from == to);
            if from == to {
                prop_assert_eq!(end, (file, start + len - 1));
            }
        }
    }

    #[test]
    fn one_file_is_the_region_itself() {
        let stripes = Stripes::new(1, 4096, 40_960);
        assert_eq!((stripes.files(), stripes.stretch(), stripes.file_len(0)), (1, 40_960, 40_960));
        assert_eq!(stripes.locate(12_345), (0, 12_345));
        assert_eq!(Stripes::new(16, 4096, 8192).files(), 1, "two small slots need no second file");
    }
}
