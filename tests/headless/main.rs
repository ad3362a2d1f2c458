//! Sessions of the real binary, headless: the life of an action on a real disk.

#[path = "../support/seat.rs"]
mod seat;

mod crash;
mod gate;
mod life;
