//! Runs a scenario in every way that the design promises to be the same, and compares.

use crate::ladder::{check_golden, first_difference};
use crate::mode::Mode;
use crate::world::{WorldState, new_control};
use crate::{Ladder, World};

/// Runs `scenario` and holds it against `tests/golden/<name>.ladder`, then
/// * *loops*: with three control loops instead of one, the ladder is the same;
/// * *amnesia*: with the whole state written down, dropped and taken up after every input, the ladder is the same;
/// * *replay*: the recorded inputs of each run, fed to fresh loops, give byte-identical effects.
pub fn scenario(name: &str, scenario: impl Fn(&World)) {
    let (world, ladder) = run(Mode::PLAIN, &scenario);
    check_golden(name, &ladder);
    replay(name, &world);
    for (mode, what) in [(Mode::THREE_LOOPS, "with three loops"), (Mode::amnesia(1), "with amnesia")] {
        let (world, other) = run(mode, &scenario);
        assert_same(name, what, &ladder.within_instants(), &other.within_instants());
        replay(name, &world);
    }
}

/// A scenario about a limit that each loop has for itself: as [`scenario`], but never with three loops.
pub fn scenario_of_one_loop(name: &str, scenario: impl Fn(&World)) {
    let (world, ladder) = run(Mode::PLAIN, &scenario);
    check_golden(name, &ladder);
    replay(name, &world);
    let (_, other) = run(Mode::amnesia(1), &scenario);
    assert_same(name, "with amnesia", &ladder, &other);
}

/// The same for a scenario with very many inputs: amnesia is sampled, and no ladder is kept in a file.
pub fn large_scenario(name: &str, scenario: impl Fn(&World)) {
    let (world, ladder) = run(Mode::PLAIN, &scenario);
    replay(name, &world);
    for (mode, what) in [(Mode::THREE_LOOPS, "with three loops"), (Mode::amnesia(211), "with amnesia")] {
        let (world, other) = run(mode, &scenario);
        assert_same(name, what, &ladder.within_instants(), &other.within_instants());
        let calls: Vec<u64> = world.state().controls.iter().map(|control| control.counters().calls).collect();
        assert!(calls.iter().all(|calls| *calls > 0), "{name}: a loop had no call {what}: {calls:?}");
    }
}

fn run(mode: Mode, scenario: &impl Fn(&World)) -> (World, Ladder) {
    let world = World::new(WorldState::new(mode));
    scenario(&world);
    let ladder = world.state().ladder.clone();
    (world, ladder)
}

fn assert_same(name: &str, what: &str, expected: &Ladder, found: &Ladder) {
    let difference = first_difference(expected.text(), found.text());
    assert!(expected.text() == found.text(), "{name} runs differently {what}: {difference}");
}

fn replay(name: &str, world: &World) {
    let state = world.state();
    let mut controls: Vec<_> = (0..state.controls.len()).map(new_control).collect();
    for (number, (now, owner, input)) in state.journal.iter().enumerate() {
        // Through octets, as a journal on disk would: an input must survive being written down.
        let written = rmp_serde::to_vec_named(input).expect("inputs can be written");
        let input: call::Input = rmp_serde::from_slice(&written).expect("inputs can be read");
        let mut effects = Vec::new();
        controls[*owner].handle(*now, input, &mut effects);
        let effects = rmp_serde::to_vec_named(&effects).expect("effects can be written");
        assert!(effects == state.effects[number], "{name}: replay of input {number} gives other effects");
    }
}
