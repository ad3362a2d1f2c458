//! What a layer adds to the start of a command, measured in one run with and without it.

use super::layer::Ground;
use super::{script, spawner};
use rightseat::model::event::Stream;
use rightseat::workspace::launch::Containment;
use rightseat::workspace::run::{Sink, Spawner, Spec, drive};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Runs of each kind.
const RUNS: usize = 15;
/// Milliseconds that a layer may add at most to a command's start, on a machine that does other things as well.
const ADDED_MS_MAX: u128 = 250;

struct Nothing;

impl Sink for Nothing {
    async fn take(&mut self, _: Stream, _: &[u8]) {}
}

/// Microseconds of one run.
fn run(runtime: &Runtime, spawner: &Spawner, spec: &Spec) -> u128 {
    let began = Instant::now();
    let ended = runtime.block_on(async {
        let running = spawner.spawn(spec).unwrap();
        drive(running, Duration::from_secs(60), &mut Nothing).await
    });
    assert_eq!(ended.exit, Some(0));
    began.elapsed().as_micros()
}

fn median(mut all: Vec<u128>) -> u128 {
    all.sort_unstable();
    all[all.len() / 2]
}

#[test]
fn a_layer_adds_little_to_the_start_of_a_command() {
    super::layer::as_everybody("start::a_layer_adds_little_to_the_start_of_a_command", || {
        let ground = Ground::with(&[("a.txt", "one\n")]);
        let spec = script("true", ground.tree());
        let plain = spawner(Containment::Auto);
        let runtime = Runtime::new().unwrap();
        let (mut with, mut without, mut making) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..RUNS {
            without.push(run(&runtime, &plain, &spec));
            let began = Instant::now();
            let layer = ground.layer_with("a1", "true", rightseat::model::event::Network::On);
            making.push(began.elapsed().as_micros());
            with.push(run(&runtime, &plain.clone().within(layer.plan().clone()), &spec));
            assert_eq!(layer.refusal(), None);
        }
        let (with, without, making) = (median(with), median(without), median(making));
        println!("a start takes {without} us, in a layer {with} us, and making one {making} us");
        assert!(with.saturating_sub(without) < ADDED_MS_MAX * 1000, "{with} {without}");
    });
}
