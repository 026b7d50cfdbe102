//! Alone in its process, because it counts the threads and descriptors of all of it.
#![allow(clippy::unwrap_used)] // test code outside of test functions

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use media_core::Command;
use support::{Rig, config};

fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok()).collect()
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn a_shutdown_leaves_no_thread_and_no_descriptor() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/none.wav", server.local_addr().unwrap());
    let mut before = (threads().len(), descriptors());
    for first in [20_400, 20_500, 20_600] {
        let mut config = config(first, first + 99);
        config.workers = 2;
        config.ports.idle_min = 4;
        let mut rig = Rig::start(config);
        // Something of everything: fetches, sounds, streams that are open, leases that are not used.
        let answering = std::thread::spawn({
            let server = server.try_clone().unwrap();
            move || {
                let (mut connection, _) = server.accept().unwrap();
                let _ = connection.read(&mut [0; 4_096]);
                connection
                    .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    .unwrap();
            }
        });
        assert!(rig.sound(&[&url]).0.unwrap_err().contains("404"));
        answering.join().unwrap();
        let beep = rig.beep();
        for playback in 0..10 {
            let (stream, peer) = rig.open();
            rig.tell(Command::Play { stream, playback, sound: beep, barge_in: false });
            peer.hear();
        }
        rig.ports(5);
        assert!(threads().len() > before.0 && descriptors() > before.1 + 30);
        let Rig { engine, handle, inbox } = rig;
        engine.shutdown();
        drop((handle, inbox));
        if first == 20_400 {
            // tokio keeps one socket pair for signals from its first runtime on, where a build has that feature. What is made
            // once and kept is no leak; what each start leaves behind would show from here on.
            std::thread::sleep(std::time::Duration::from_millis(300));
            assert!(descriptors() <= before.1 + 2, "{} after {}", descriptors(), before.1);
            before.1 = descriptors();
        }
        // The HTTP client closes its connections on a thread of its own, a moment after it was dropped.
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while (threads().len(), descriptors()) != before && std::time::Instant::now() < patience {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!((threads().len(), descriptors()), before, "{:?}", threads());
    }
}
