//! When requests end: places on routes, latencies, and shared links, in virtual time.

use crate::link::Link;
use crate::profile::Profile;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use tierproof_core::{Bytes, MediumKind, Nanos};

/// Which route of the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RouteIndex(u8);

/// What one request asks of its route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Service {
    /// The caller's name for the request.
    pub(crate) flight: u32,
    pub(crate) route: RouteIndex,
    /// Bytes over the link.
    pub(crate) bytes: Bytes,
    /// Time before the first of them.
    pub(crate) latency: Nanos,
    /// Takes its place and keeps it until it is released.
    pub(crate) hangs: bool,
}

#[derive(Debug)]
struct Lane {
    link: usize,
    latency: Nanos,
    jitter_per_mille: u32,
    places: u32,
    waiting: VecDeque<Service>,
}

/// All routes of one device model and what is on them.
#[derive(Debug)]
pub(crate) struct Schedule {
    lanes: Vec<Lane>,
    by_media: [[Option<RouteIndex>; 3]; 3],
    links: Vec<Link<Service>>,
    /// Requests in their latency: when it ends, and their number.
    starting: BinaryHeap<Reverse<(Nanos, u64, Service)>>,
    started: u64,
    hanging: Vec<Service>,
}

impl Schedule {
    /// An idle device of a valid profile.
    pub(crate) fn new(profile: &Profile) -> Self {
        let links = profile.links.values().map(|link| Link::new(link.bandwidth_bytes_per_s));
        let mut schedule = Self {
            lanes: Vec::new(),
            by_media: [[None; 3]; 3],
            links: links.collect(),
            starting: BinaryHeap::new(),
            started: 0,
            hanging: Vec::new(),
        };
        for (_, source, target, route) in profile.routes.all() {
            let Some(route) = route else { continue };
            let index = RouteIndex(schedule.lanes.len() as u8);
            schedule.by_media[source as usize][target as usize] = Some(index);
            let link = profile.links.keys().position(|name| *name == route.link);
            schedule.lanes.push(Lane {
                link: link.expect("a valid profile names its links"),
                latency: route.latency_ns,
                jitter_per_mille: route.jitter_per_mille,
                places: route.queue_depth,
                waiting: VecDeque::new(),
            });
        }
        schedule
    }

    pub(crate) fn route(&self, source: MediumKind, target: MediumKind) -> Option<RouteIndex> {
        self.by_media[source as usize][target as usize]
    }

    /// The latency of a route, and thousandths of it that may be added.
    pub(crate) fn latency(&self, route: RouteIndex) -> (Nanos, u32) {
        let lane = &self.lanes[usize::from(route.0)];
        (lane.latency, lane.jitter_per_mille)
    }

    /// A request arrives at `now`.
    pub(crate) fn enter(&mut self, now: Nanos, service: Service) {
        let lane = &mut self.lanes[usize::from(service.route.0)];
        if lane.places == 0 {
            lane.waiting.push_back(service);
        } else {
            lane.places -= 1;
            self.begin(now, service);
        }
    }

    /// When something happens next of itself.
    pub(crate) fn next(&self) -> Option<Nanos> {
        let starting = self.starting.peek().map(|Reverse((at, ..))| *at);
        self.links.iter().filter_map(Link::next).chain(starting).min()
    }

    /// Does all that happens at `now`, which is [`Schedule::next`], and notes which flights end.
    pub(crate) fn run(&mut self, now: Nanos, ended: &mut Vec<u32>) {
        while self.next().is_some_and(|next| next <= now) {
            while self.starting.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
                let Some(Reverse((_, _, service))) = self.starting.pop() else { break };
                let link = self.lanes[usize::from(service.route.0)].link;
                self.links[link].join(now, service.bytes, service);
            }
            for link in 0..self.links.len() {
                while self.links[link].next().is_some_and(|next| next <= now) {
                    let Some(service) = self.links[link].leave(now) else { break };
                    ended.push(service.flight);
                    self.give_place(now, service.route);
                }
            }
        }
    }

    /// Lets a hanging flight go on from `now`; false if it does not hang.
    pub(crate) fn unhang(&mut self, now: Nanos, flight: u32) -> bool {
        if let Some(index) = self.hanging.iter().position(|service| service.flight == flight) {
            let service = self.hanging.remove(index);
            self.begin(now, Service { hangs: false, ..service });
            return true;
        }
        let mut waiting = self.lanes.iter_mut().flat_map(|lane| &mut lane.waiting);
        let service = waiting.find(|service| service.flight == flight && service.hangs);
        service.map(|service| service.hangs = false).is_some()
    }

    fn begin(&mut self, now: Nanos, service: Service) {
        if service.hangs {
            self.hanging.push(service);
            return;
        }
        let at = now.saturating_add(service.latency);
        self.starting.push(Reverse((at, self.started, service)));
        self.started += 1;
    }

    fn give_place(&mut self, now: Nanos, route: RouteIndex) {
        let lane = &mut self.lanes[usize::from(route.0)];
        match lane.waiting.pop_front() {
            Some(service) => self.begin(now, service),
            None => lane.places += 1,
        }
    }
}
