//! Faults over the simulator: what a plan promises, what holds whatever strikes, and what each class
//! does that takes time, order or power to see. What one slot sees of each class, on every backend,
//! is in the suites of `tests`.

mod campaign;
mod held;
mod plan;
mod power;
mod regions;
mod table;
mod workload;
