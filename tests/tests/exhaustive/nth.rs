//! Promise: whichever of a workload's calls of the backend fails, with whatever kind of error, once or
//! from then on: no panic, no wrong byte, no block lost for good. What is tried again is as if nothing had
//! happened; and when nothing fails any more, the engine is as good as new (L3).

use rstest::rstest;
use tierproof_core::{Engine, ErrorKind, Lru, Request, RequestId};

use crate::bench::{Bench, Device, Disk, Host, Setup, hashes, on_disk, tokens};
use crate::failing::{Failing, Failure, KINDS, Meter, POINTS, Point, Shared};

/// Three blocks on each tier but the host, which has two; a block is two parts.
fn setup() -> Setup {
    Setup { pools: 2, request_parts_max: 3, ..Setup::new([3, 2, 3]) }
}

/// A workload under way, and what it was told.
struct Work {
    bench: Bench<Failing>,
    told: Vec<String>,
}

impl Work {
    fn new(meter: &Shared) -> Self {
        let bench = setup().on(Failing::new(meter), |failing| failing.sim.misuses());
        Self { bench, told: Vec::new() }
    }

    fn tell(&mut self, what: &impl std::fmt::Debug) {
        self.told.push(format!("{what:?}"));
        self.told.extend(self.bench.log());
    }

    /// Adds a request and, where that is possible, settles, computes and reads it.
    fn begin(&mut self, request: &Request) {
        let added = self.bench.add(request);
        self.tell(&added);
        if added.is_ok() {
            self.run(request.id.0);
        } else {
            self.end(request.id.0);
        }
    }

    fn run(&mut self, id: u64) {
        let settled = self.bench.settle(id);
        self.tell(&settled);
        if settled.is_ok() {
            self.bench.compute(id);
            self.bench.read(id);
        }
    }

    fn end(&mut self, id: u64) {
        // One that was not admitted, or has ended, has nothing to remove; one whose backend broke when it
        // was admitted has.
        if self.bench.engine.tokens(RequestId(id)).is_ok() {
            let stats = self.bench.remove(id);
            self.tell(&stats);
        }
    }

    fn visit(&mut self, request: &Request) {
        self.begin(request);
        self.end(request.id.0);
    }

    /// A request's first block goes down and comes up again.
    fn swap(&mut self, id: u64) {
        let Ok(&[block, ..]) = self.bench.engine.held(RequestId(id), 0, 0) else { return };
        let down = self.bench.engine.offload(0, block).map_err(|error| error.kind());
        let up = self.bench.engine.onboard(0, block).map_err(|error| error.kind());
        self.tell(&(down, up));
    }

    fn append(&mut self, id: u64, token: i32) {
        let appended = self.bench.append(id, token);
        self.tell(&appended);
        if appended.is_ok() {
            self.run(id);
        } else {
            // Where the backend broke the token is there all the same.
            self.end(id);
        }
    }

    /// Through three tiers and back, with growth, a partial copy and an exchange.
    fn all(&mut self) {
        self.visit(&on_disk(hashes(1, &[10, 11, 12])));
        self.visit(&on_disk(hashes(2, &[20, 21])));
        self.visit(&on_disk(hashes(3, &[30, 31, 32])));
        self.visit(&on_disk(hashes(4, &[10, 11, 12])));
        self.begin(&tokens(5, 0..6));
        self.swap(5);
        self.append(5, 6);
        // Agrees in two tokens of a block that request 5 holds.
        self.begin(&tokens(6, [0, 1, 9]));
        self.end(5);
        self.end(6);
        self.visit(&on_disk(hashes(7, &[20, 21])));
    }

    /// Nothing fails any more: all comes back, and the engine serves.
    fn heal(&mut self, meter: &Shared) {
        meter.borrow_mut().failure = None;
        self.bench.drain();
        for tier in [Device, Host, Disk] {
            assert_eq!(self.bench.quarantined(tier), 0, "L5");
        }
        let stats = *self.bench.engine.transfer_stats();
        assert_eq!(stats.moves, stats.done + stats.failed, "C2");
        assert_eq!(stats.strays, 0, "C6");
        self.bench.visit(&hashes(8, &[80, 81]));
        assert_eq!(self.bench.visit(&hashes(9, &[80, 81])), 8, "L3");
    }
}

/// Calls of each kind where nothing fails, and what is told then.
fn undisturbed() -> ([usize; POINTS.len()], Vec<String>) {
    let meter = Meter::shared(None);
    let mut work = Work::new(&meter);
    work.all();
    let calls = meter.borrow().calls;
    work.heal(&meter);
    (calls, work.told)
}

/// Whether a failure is one that is tried again, by the engine or, of what it did itself, by the bench.
fn is_tried_again(failure: Failure) -> bool {
    let again: &[ErrorKind] = match failure.point {
        Point::Allocate | Point::Poll => &[],
        Point::Submit | Point::Part => &[ErrorKind::Busy, ErrorKind::Device, ErrorKind::Corrupt],
        Point::Fill | Point::Peek => &KINDS,
    };
    !failure.for_good && again.contains(&failure.kind)
}

fn run(failure: Failure, undisturbed: &[String]) {
    let meter = Meter::shared(Some(failure));
    let mut work = Work::new(&meter);
    work.all();
    let stats = *work.bench.engine.transfer_stats();
    let told = std::mem::take(&mut work.told);
    if is_tried_again(failure) {
        assert_eq!(told, undisturbed, "{failure:?}");
        assert_eq!(stats.failed, 0, "{failure:?}");
    } else if failure.point == Point::Poll {
        let error = format!("Err({:?})", failure.kind);
        assert!(told.iter().any(|line| line.contains(&error)), "{failure:?}: {told:?}");
    } else {
        assert!(stats.failed > 0, "{failure:?}");
    }
    work.heal(&meter);
}

#[rstest]
#[case::a_refused_request(Point::Submit, 29)]
#[case::a_failed_part(Point::Part, 58)]
#[case::a_poll(Point::Poll, 45)]
fn a_call_fails_once_and_for_good(#[case] point: Point, #[case] calls: usize) {
    let (counted, told) = undisturbed();
    assert_eq!(counted[point as usize], calls, "the workload became another");
    for nth in 0..calls {
        for kind in KINDS {
            for for_good in [false, true] {
                run(Failure { point, nth, for_good, kind }, &told);
            }
        }
    }
}

/// The engine never fills or peeks; what did tries once more. For good, nothing could be computed at all.
#[rstest]
#[case::a_fill(Point::Fill, 200)]
#[case::a_peek(Point::Peek, 272)]
fn a_call_of_the_model_fails_once(#[case] point: Point, #[case] calls: usize) {
    let (counted, told) = undisturbed();
    assert_eq!(counted[point as usize], calls, "the workload became another");
    for nth in 0..calls {
        run(Failure { point, nth, for_good: false, kind: KINDS[nth % KINDS.len()] }, &told);
    }
}

#[test]
fn an_allocation_fails_and_there_is_no_engine() {
    let (counted, _) = undisturbed();
    let calls = counted[Point::Allocate as usize];
    assert_eq!(calls, 6, "three tiers of two pools");
    for nth in 0..calls {
        for kind in KINDS {
            let failure = Failure { point: Point::Allocate, nth, for_good: false, kind };
            let failing = Failing::new(&Meter::shared(Some(failure)));
            let engine = Engine::new(failing, setup().config(), |_| Box::new(Lru::default()));
            assert_eq!(engine.unwrap_err().kind(), kind, "{failure:?}");
        }
    }
}
