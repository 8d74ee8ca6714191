//! Compute streams of the simulator, and the order between them and transfers.
//!
//! A real backend has this for a serving engine's own CUDA streams (`OnGpu`), with the same meaning.
//! Nothing refuses a kernel that touches what a transfer in flight does: on a GPU nothing would.

use crate::flight::{Flights, touched};
use crate::judge::out_of_range;
use crate::sim::{Ended, Sim};
use crate::streams::{Kernel, StreamId, StreamPoint, overlap};
use tierproof_core::{Descriptor, Error, ErrorKind, MediumKind, Result, TransferId};

impl Sim {
    /// A new compute stream.
    pub fn stream(&mut self) -> StreamId {
        self.streams.open()
    }

    /// Gives a kernel to a stream. It begins when all before it has ended.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown stream or a range outside its region, `Unsupported` for a file.
    pub fn launch(&mut self, stream: StreamId, kernel: &Kernel) -> Result<()> {
        self.known(stream)?;
        for &at in kernel.reads.iter().chain(&kernel.writes) {
            if self.medium(at)? == MediumKind::File {
                return unsupported(at, "a file, which no kernel can reach");
            }
        }
        self.streams.launch(stream, kernel.clone());
        self.turn();
        Ok(())
    }

    /// The point behind all that a stream was given so far.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown stream.
    pub fn record(&self, stream: StreamId) -> Result<StreamPoint> {
        self.known(stream)?;
        Ok(self.streams.point(stream))
    }

    /// What `stream` is given from now on begins when `point` is reached.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown stream.
    pub fn wait(&mut self, stream: StreamId, point: StreamPoint) -> Result<()> {
        self.known(stream)?;
        self.known(point.stream)?;
        self.streams.wait(stream, point);
        self.turn();
        Ok(())
    }

    /// The host waits until a stream has done all that it was given.
    ///
    /// # Errors
    /// `OutOfRange` for an unknown stream, `Busy` for one that waits for what hangs.
    pub fn synchronize(&mut self, stream: StreamId) -> Result<()> {
        let point = self.record(stream)?;
        self.reach(point)
    }

    /// Transfers of `range` that are submitted from now on, and fills and peeks of it, wait for what
    /// `stream` was given so far, such as the kernels that write a block.
    ///
    /// # Errors
    /// `Unsupported` for a range that is not in device memory, `OutOfRange` for one outside its region
    /// or an unknown stream.
    pub fn transfers_after(&mut self, range: Descriptor, stream: StreamId) -> Result<()> {
        self.on_device(range)?;
        let point = self.record(stream)?;
        self.streams.note(range, point);
        Ok(())
    }

    /// What `stream` is given from now on waits for transfers of `range`, without the host.
    ///
    /// # Errors
    /// `Busy` for a transfer that is verified on its way, since the host has to go on with it: poll
    /// until it has ended. Otherwise as [`Self::transfers_after`].
    pub fn stream_after(&mut self, range: Descriptor, stream: StreamId) -> Result<()> {
        self.on_device(range)?;
        self.known(stream)?;
        let mut transfers = Vec::new();
        for (id, parts) in self.flights.all() {
            let touched = touched(parts, self.capability.alignment);
            let mut touching = touched.filter(|(at, ..)| overlap(range, *at)).peekable();
            if touching.peek().is_none() || !self.moves(id) {
                continue;
            }
            if touching.any(|(.., part)| parts[part as usize].check.is_some()) {
                let TransferId(id) = id;
                let context = format!("transfer {id} is verified on its way: poll until it ended");
                return Err(Error::new(ErrorKind::Busy, context));
            }
            transfers.push(id);
        }
        self.streams.wait_for_transfers(stream, transfers);
        self.turn();
        Ok(())
    }

    /// Whether a transfer was accepted and its bytes have not moved yet.
    fn moves(&self, id: TransferId) -> bool {
        moves(&self.flights, &self.done, id)
    }

    /// Streams do what they can do now, and transfers that waited for them begin.
    pub(crate) fn turn(&mut self) {
        let (flights, done) = (&self.flights, &self.done);
        self.streams.run(self.now, &mut self.memory, self.draw, |id| moves(flights, done, id));
        while let Some(service) = self.streams.let_go() {
            self.schedule.enter(self.now, service);
        }
    }

    /// Waits for what fills and peeks of `at` come after.
    pub(crate) fn wait_for_writers(&mut self, at: Descriptor) -> Result<()> {
        let writers: Vec<StreamPoint> = self.streams.before(at).collect();
        writers.into_iter().try_for_each(|point| self.reach(point))
    }

    fn reach(&mut self, point: StreamPoint) -> Result<()> {
        while !self.streams.reached(point) {
            let Some(next) = self.next() else {
                let StreamId(id) = point.stream;
                let context = format!("stream {id} waits for what hangs: let that go on first");
                return Err(Error::new(ErrorKind::Busy, context));
            };
            self.run_instant(next);
        }
        Ok(())
    }

    fn known(&self, stream: StreamId) -> Result<()> {
        if self.streams.has(stream) {
            return Ok(());
        }
        out_of_range(format!("stream {} was never made", stream.0))
    }

    fn medium(&self, at: Descriptor) -> Result<MediumKind> {
        match self.memory.get(at.region) {
            Some(region) if at.fits(region.image.len()) => Ok(region.kind),
            Some(region) => {
                out_of_range(format!("{at:?} leaves a region of {} bytes", region.image.len()))
            }
            None => out_of_range(format!("{:?} was never given or is released", at.region)),
        }
    }

    fn on_device(&self, at: Descriptor) -> Result<()> {
        match self.medium(at)? {
            MediumKind::Device => Ok(()),
            _ => unsupported(at, "not in device memory, where streams are"),
        }
    }
}

fn unsupported(at: Descriptor, what: &str) -> Result<()> {
    Err(Error::new(ErrorKind::Unsupported, format!("{at:?} is {what}")))
}

fn moves(flights: &Flights, done: &[Ended], id: TransferId) -> bool {
    flights.find(id).is_some() && !done.iter().any(|ended| ended.id == id)
}
