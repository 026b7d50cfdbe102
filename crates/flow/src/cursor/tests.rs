use super::*;

/// Actions named by their ids; `a>b` is an action `a` whose `next_id` is `b`.
fn actions(names: &[&str]) -> Vec<Action> {
    names
        .iter()
        .map(|name| {
            let (id, next_id) = name.split_once('>').unwrap_or((name, ""));
            Action { id: id.into(), next_id: next_id.into(), kind: "empty".into(), ..Action::default() }
        })
        .collect()
}

/// Walks until the end or `limit` steps; before the action named in a fork is left, its array is pushed.
fn walk(main: &[&str], forks: &[(&str, &[&str])], limit: usize) -> Vec<String> {
    let mut cursor = Cursor::new(actions(main));
    let mut walked = Vec::new();
    while let Some(at) = cursor.next() {
        cursor.move_to(at);
        let id = cursor.action(at).id.clone();
        if let Some((_, nested)) = forks.iter().find(|(fork, _)| *fork == id) {
            cursor.push_frame(Uuid::from_u128(100 + walked.len() as u128), actions(nested)).unwrap();
        }
        walked.push(id);
        if walked.len() == limit {
            break;
        }
    }
    walked
}

#[test]
fn the_next_action_is_found_by_the_rules() {
    let none: &[(&str, &[&str])] = &[];
    for (main, forks, expected) in [
        (&["1", "2", "3"][..], none, "1 2 3"),
        (&[], none, ""),
        (&["1>3", "2", "3"], none, "1 3"),
        (&["1>nope", "2"], none, "1"),
        (&["1", "2", "3"], &[("2", &["f1", "f2"])], "1 2 f1 f2 3"),
        (&["1", "2", "3"], &[("2", &[])], "1 2 3"),
        (&["1", "2"], &[("2", &["f1"])], "1 2 f1"),
        (&["1", "2>4", "3", "4"], &[("2", &["f1"])], "1 2 f1 4"),
        (&["1", "2", "3"], &[("2", &["f1>3", "f2"])], "1 2 f1 3"),
        (&["1", "2", "3"], &[("2", &["f1>f3", "f2", "f3"])], "1 2 f1 f3 3"),
        (&["1>f1", "2", "3"], &[("2", &["f1"])], "1"),
        (&["1", "2", "3"], &[("2", &["f1", "f2"]), ("f1", &["g1", "g2"])], "1 2 f1 g1 g2 f2 3"),
        (&["1", "2", "3"], &[("2", &["f1", "f2"]), ("f2", &["g1>3", "g2"])], "1 2 f1 f2 g1 3"),
        (&["1", "2", "3"], &[("2", &["f1"]), ("f1", &["g1"])], "1 2 f1 g1 3"),
        (&["x", "2", "x"], &[("2", &["f1>x"])], "x 2 f1 x 2 f1 x"),
        (&["1", "2", "3"], &[("2", &["3", "f2>3"])], "1 2 3 f2 3 f2 3"),
    ] {
        assert_eq!(walk(main, forks, 7).join(" "), expected, "{main:?} {forks:?}");
    }
}

#[test]
fn a_hundred_frames_are_the_limit() {
    let mut cursor = Cursor::new(actions(&["1"]));
    assert_eq!(cursor.push_frame(Uuid::nil(), actions(&["x"])), Err(PushError::NotStarted));
    for _ in 1..Cursor::MAX_FRAMES {
        cursor.move_to(cursor.next().unwrap());
        cursor.push_frame(Uuid::nil(), actions(&["n"])).unwrap();
    }
    cursor.move_to(cursor.next().unwrap());
    assert_eq!(cursor.push_frame(Uuid::nil(), actions(&["n"])), Err(PushError::TooManyFrames));
    assert_eq!(cursor.find("1"), Some(Position { frame: 0, index: 0 }), "the whole stack is searched");
    assert_eq!(cursor.next(), None, "each frame is at its last action");
}

#[test]
fn nested_arrays_together_are_bounded() {
    let mut cursor = Cursor::new(actions(&["1"]));
    cursor.move_to(cursor.next().unwrap());
    let many = vec![Action::default(); Cursor::MAX_STACKED_ACTIONS];
    assert_eq!(cursor.push_frame(Uuid::nil(), many), Err(PushError::TooManyActions));
}

#[test]
fn the_end_of_a_service_goes_on_behind_the_action_that_forked() {
    let (service, other) = (Uuid::from_u128(7), Uuid::from_u128(8));
    let mut cursor = Cursor::new(actions(&["1", "2"]));
    cursor.move_to(cursor.next().unwrap());
    cursor.push_frame(service, actions(&["s1", "s2"])).unwrap();
    assert_eq!(cursor.forward_action().unwrap().id, "s1");
    assert!(!cursor.end_service(service), "the frame is not the current one yet");
    cursor.move_to(cursor.next().unwrap());
    assert!(!cursor.end_service(other));
    assert!(cursor.end_service(service));
    assert_eq!(cursor.forward_action().unwrap().id, "2");
    cursor.move_to(cursor.next().unwrap());
    assert_eq!(cursor.next(), None);
    assert!(!cursor.end_service(Uuid::from_u128(1)), "the main frame is no service");
}

#[test]
fn the_end_of_a_service_at_the_end_of_the_flow_finishes() {
    let mut cursor = Cursor::new(actions(&["1"]));
    cursor.move_to(cursor.next().unwrap());
    cursor.push_frame(Uuid::from_u128(7), actions(&["s1", "s2"])).unwrap();
    cursor.move_to(cursor.next().unwrap());
    assert!(cursor.end_service(Uuid::from_u128(7)));
    assert_eq!(cursor.next(), None);
}

#[test]
fn a_forward_into_an_enclosing_frame_abandons_the_inner_ones() {
    let service = Uuid::from_u128(7);
    let mut cursor = Cursor::new(actions(&["join", "after"]));
    cursor.move_to(cursor.next().unwrap());
    cursor.push_frame(service, actions(&["wait", "loop>wait", "bridge"])).unwrap();
    cursor.move_to(cursor.next().unwrap());
    cursor.push_frame(Uuid::from_u128(9), actions(&["music", "music2"])).unwrap();
    cursor.move_to(cursor.next().unwrap());
    let bridge = cursor.find_in_frame(service, "bridge").unwrap();
    assert_eq!(cursor.find_in_frame(service, "after"), None, "only that frame is searched");
    cursor.set_forward(bridge);
    cursor.move_to(cursor.next().unwrap());
    assert_eq!(cursor.action(cursor.next().unwrap()).id, "after");
    assert_eq!(cursor.find_in_frame(Uuid::from_u128(9), "music"), None);
}

#[test]
fn counts_of_gotos_live_on_when_their_array_is_left() {
    let mut cursor = Cursor::new(actions(&["1", "2"]));
    let at = cursor.next().unwrap();
    cursor.move_to(at);
    cursor.set_goto_left(at, 3);
    cursor.push_frame(Uuid::from_u128(9), actions(&["n"])).unwrap();
    let nested = cursor.next().unwrap();
    cursor.move_to(nested);
    assert_eq!((cursor.goto_left(at), cursor.goto_left(nested)), (Some(3), None));
    cursor.set_goto_left(nested, 7);
    cursor.move_to(at);
    for (fetched, left) in [("n", Some(7)), ("other", None)] {
        cursor.push_frame(Uuid::from_u128(10), actions(&[fetched])).unwrap();
        assert_eq!(cursor.goto_left(cursor.next().unwrap()), left, "{fetched}");
    }
    let second = Position { frame: 0, index: 1 };
    cursor.move_to(second);
    cursor.push_frame(Uuid::from_u128(11), actions(&["n"])).unwrap();
    assert_eq!(cursor.goto_left(cursor.next().unwrap()), None, "another action has forked");
    cursor.move_to(cursor.next().unwrap());
    let nested = Position { frame: 1, index: 0 };
    assert_eq!(cursor.at_index(0), Some(nested), "indexes are those of the current array");
    assert_eq!((cursor.at_index(1), cursor.at_index(-1)), (None, None));
}
