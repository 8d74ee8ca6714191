//! What a batch of trips asks of the streams: copies, looks and wipes, and their order.

use super::kernels::{Copy, Payload};
use super::trip::{Going, Hall, Side, Stage, device_spans};

/// Copies with an end in host memory from this length on go by a copy engine, one call each; shorter ones
/// together by one kernel.
const ENGINE_MIN: u64 = 64 << 10;

/// All that a batch asks for, in the order in which it depends on each other.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    /// From host memory to where the GPU looks.
    pub(super) dma_in: Vec<Copy>,
    /// To where the GPU looks.
    pub(super) ins: Vec<Copy>,
    pub(super) looks: Vec<Payload>,
    /// Onward, by kernel.
    pub(super) outs: Vec<Copy>,
    /// Onward, to and from host memory.
    pub(super) downs: Vec<Copy>,
    pub(super) ups: Vec<Copy>,
    /// Bytes that follow payloads, and where they go.
    pub(super) tails: Vec<(Vec<u8>, u64)>,
    /// Ranges to fill with zeros.
    pub(super) wipes: Vec<(u64, u64)>,
}

impl Manifest {
    /// Adds what the next stage of a trip asks for. Whether it looks at its payload.
    pub(super) fn add<T>(&mut self, going: &mut Going<T>) -> bool {
        match going.stage {
            Stage::Look => self.add_look(going),
            Stage::Move => {
                self.add_move(going);
                false
            }
            Stage::Tail => {
                self.add_tail(going);
                false
            }
            Stage::Wipe(_) => {
                let len = going.trip.terms.len;
                self.wipes.extend(going.trip.target.spans(0, len));
                false
            }
        }
    }

    fn add_look<T>(&mut self, going: &mut Going<T>) -> bool {
        let len = going.trip.terms.len;
        let mut on_the_way = true;
        match &going.hall {
            Hall::Nowhere | Hall::Source => {}
            Hall::Target => {
                let copies =
                    pairs(&going.trip.source.spans(0, len), &going.trip.target.spans(0, len));
                self.bring(copies, going.trip.source.is_host());
                on_the_way = false;
            }
            Hall::Sheet(_, claim) => {
                let copies = pairs(&going.trip.source.spans(0, len), &device_spans(claim, 0, len));
                self.bring(copies, going.trip.source.is_host());
            }
        }
        if on_the_way && going.trip.terms.check.is_none() {
            self.add_move(going);
        }
        let Some(address) = going.look_at() else { return false };
        let trailer = going.trailer_at().unwrap_or(0);
        self.looks.push(Payload { address, len: len as u64, trailer });
        true
    }

    /// To where the GPU looks.
    fn bring(&mut self, copies: Vec<Copy>, from_host: bool) {
        for copy in copies {
            let engine = from_host && copy.len >= ENGINE_MIN;
            let list = if engine { &mut self.dma_in } else { &mut self.ins };
            list.push(copy);
        }
    }

    /// To the target.
    fn add_move<T>(&mut self, going: &mut Going<T>) {
        let trip = &mut going.trip;
        let all = [(0, trip.terms.len)];
        let rows = trip.rows.map(|rows| {
            let row = |index: u64| ((index * rows.pitch) as usize, rows.len as usize);
            (0..u64::from(rows.count)).map(row).collect::<Vec<_>>()
        });
        let sheet = matches!(going.hall, Hall::Sheet(..));
        let from_host = trip.source.is_host() && !sheet;
        for (from, len) in rows.unwrap_or_else(|| all.to_vec()) {
            let source = match &going.hall {
                Hall::Sheet(_, claim) => device_spans(claim, from, len),
                _ => trip.source.spans(from, len),
            };
            for copy in pairs(&source, &trip.target.spans(from, len)) {
                let list = match (copy.len >= ENGINE_MIN, from_host, trip.target.is_host()) {
                    (true, true, _) => &mut self.ups,
                    (true, _, true) => &mut self.downs,
                    _ => &mut self.outs,
                };
                list.push(copy);
            }
        }
    }

    fn add_tail<T>(&mut self, going: &mut Going<T>) {
        let Some((from, bytes)) = going.tail.take() else { return };
        let Side::Device(claim) = &going.trip.target else { return };
        let mut rest = bytes;
        for (address, len) in device_spans(claim, from, rest.len()) {
            let behind = rest.split_off(len as usize);
            self.tails.push((rest, address));
            rest = behind;
        }
    }

    pub(super) fn uses_kernels(&self) -> bool {
        !(self.ins.is_empty()
            && self.looks.is_empty()
            && self.outs.is_empty()
            && self.tails.is_empty()
            && self.wipes.is_empty())
    }
}

/// Adds a copy of one part, joined with the one before where both go on where that ends. Copies of two parts are
/// never joined: memory of two allocations may touch.
fn push(copies: &mut Vec<Copy>, copy: Copy) {
    match copies.last_mut() {
        Some(last)
            if last.source + last.len == copy.source && last.target + last.len == copy.target =>
        {
            last.len += copy.len;
        }
        _ => copies.push(copy),
    }
}

/// The copies that bring the bytes of `source` to `target`, which are as many.
fn pairs(source: &[(u64, u64)], target: &[(u64, u64)]) -> Vec<Copy> {
    let (mut sources, mut targets) = (source.iter().copied(), target.iter().copied());
    let (mut from, mut to) = (sources.next(), targets.next());
    let mut copies = Vec::new();
    while let (Some((source, source_len)), Some((target, target_len))) = (from, to) {
        let len = source_len.min(target_len);
        if len > 0 {
            push(&mut copies, Copy { source, target, len });
        }
        from =
            if len < source_len { Some((source + len, source_len - len)) } else { sources.next() };
        to = if len < target_len { Some((target + len, target_len - len)) } else { targets.next() };
    }
    copies
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(source: u64, target: u64, len: u64) -> Copy {
        Copy { source, target, len }
    }

    #[test]
    fn pieces_meet_pieces_of_other_lengths() {
        let copies = pairs(&[(100, 10), (200, 10)], &[(1000, 4), (2000, 16)]);
        assert_eq!(copies, [copy(100, 1000, 4), copy(104, 2000, 6), copy(200, 2006, 10)]);
        assert_eq!(pairs(&[(1, 0), (5, 3)], &[(9, 3)]), [copy(5, 9, 3)]);
        assert_eq!(pairs(&[], &[]), []);
    }

    #[test]
    fn neighbours_are_joined() {
        let mut copies = Vec::new();
        for one in [copy(0, 100, 10), copy(10, 110, 5), copy(15, 200, 5), copy(30, 205, 5)] {
            push(&mut copies, one);
        }
        assert_eq!(copies, [copy(0, 100, 15), copy(15, 200, 5), copy(30, 205, 5)]);
    }
}
