//! Files that outlive their regions: a drawer that they lie in between one process and the next.

use crate::image::{Image, Unwritten};
use std::collections::BTreeMap;
use tierproof_core::{Bytes, Error, ErrorKind, FileMedium, Result};

/// By file: its bytes, or nothing while a region has them.
#[derive(Debug, Default, Clone)]
pub(crate) struct Drawer(BTreeMap<FileMedium, Option<Image>>);

/// A file by its name, which its stride is no part of.
fn name(file: &FileMedium) -> FileMedium {
    FileMedium { stride: 0, ..file.clone() }
}

impl Drawer {
    /// The bytes of a file, of which a new one has zeros, at its new length.
    ///
    /// # Errors
    /// `Busy` while another region has them, `Exhausted` without memory.
    pub(crate) fn open(&mut self, file: &FileMedium, len: Bytes) -> Result<Image> {
        let Some(place) = self.0.get_mut(&name(file)) else {
            let image = Image::new(len, Unwritten::Zeros, true)?;
            self.0.insert(name(file), None);
            return Ok(image);
        };
        let Some(image) = place else {
            let context = format!("{file:?} is locked: another engine keeps its blocks there");
            return Err(Error::new(ErrorKind::Busy, context));
        };
        image.resize(len)?;
        Ok(place.take().expect("it was there just before"))
    }

    /// Takes the bytes back.
    pub(crate) fn close(&mut self, file: &FileMedium, image: Image) {
        self.0.insert(name(file), Some(image));
    }

    /// Takes every file that no region has back to its durable image.
    pub(crate) fn revert(&mut self) {
        self.0.values_mut().flatten().for_each(|image| image.revert(|_| false));
    }
}
