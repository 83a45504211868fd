//! What the daemon and the indicators say to a person: sentences, since when, and no sign that turns or hides another.

use std::process::Command;

use rustix::process::Signal;

use super::stage::{Stage, said};
use super::watch::{Daemon, arrivals, configure, lying, until, watched, write};

/// A daemon that begins with SIGHUP at its default, as from a terminal, or ignored, as from nohup.
fn started(stage: &Stage, how: &str) -> Daemon {
    let watch = stage.command(&["watch", "--only", "acquire"]);
    let mut command = Command::new("env");
    command.arg(format!("--{how}-signal=HUP")).arg(watch.get_program()).args(watch.get_args());
    command.envs(watch.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = watch.get_current_dir() {
        command.current_dir(folder);
    }
    Daemon::of(stage, command)
}

#[test]
fn a_closed_terminal_ends_the_daemon_in_order_and_one_that_does_not_matter_leaves_it_at_work() {
    let (stage, inbox) = watched("");
    let daemon = started(&stage, "default");
    write(&inbox.join("a.txt"), b"uno");
    until("it is in", 15, || lying(&inbox).is_empty());
    assert_eq!(daemon.end(Signal::HUP), Some(0));
    let daemon = started(&stage, "ignore");
    write(&inbox.join("b.txt"), b"due");
    until("it is at work", 15, || lying(&inbox).is_empty());
    daemon.send(Signal::HUP);
    write(&inbox.join("c.txt"), b"tre");
    until("it is still at work", 15, || lying(&inbox).is_empty());
    assert_eq!(daemon.end(Signal::TERM), Some(0));
    assert_eq!(arrivals(&stage).len(), 3);
}

#[test]
fn a_name_that_turns_the_direction_of_its_signs_is_spelt_out_wherever_it_is_shown() {
    let stage = Stage::with_archive();
    let name = "fattura\u{202e}fdp.exe";
    std::fs::create_dir(stage.path("carte")).expect("folder");
    write(&stage.path(&format!("carte/{name}")), b"testo che nessuno legge");
    let shown = [
        said(&stage.run(&["ingest", stage.path("carte").to_str().expect("a path")])),
        said(&stage.run(&["list"])),
        said(&stage.run(&["list", "arrivals"])),
        said(&stage.run(&["ingest", stage.path("manca\u{2066}.tif").to_str().expect("a path")])),
    ];
    for text in &shown {
        assert!(!text.chars().any(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')), "{text:?}");
    }
    assert!(shown[2].contains("fattura\\u{202e}fdp.exe"), "{}", shown[2]);
}

#[test]
fn half_an_upload_door_is_said_by_doctor_and_a_faulty_configuration_too() {
    for (half, word) in
        [("listen = '127.0.0.1:1'", "[[upload.door]]"), ("[[upload.door]]\nname='a'\ntoken_env='X'", "upload.listen")]
    {
        let stage = Stage::with_archive();
        configure(&stage, &format!("\n[upload]\n{half}\n"));
        let doctor = stage.json(&["doctor"], &[0, 1]).remove(0);
        let note = doctor["uploads"][0]["notes"][0].as_str().unwrap_or_default().to_owned();
        assert!(note.contains(word), "{doctor}");
    }
    let stage = Stage::with_archive();
    configure(&stage, "\n[[inbox]]\npath = '/srv/a'\nsettle_seconds = 86401\n");
    let output = stage.run(&["--lang", "it", "doctor"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("il valore di settle_seconds deve stare tra 0 e 86400") && text.contains("[[inbox]] 1"), "{text}");
    let stage = Stage::bare();
    let elsewhere = stage.path("altra.toml");
    write(&elsewhere, b"[ocr]\nlingua = 'ita'\n");
    let output = stage.run(&["--lang", "it", "--config", elsewhere.to_str().expect("a path"), "doctor"]);
    assert!(output.status.code() == Some(3) && said(&output).contains("lingua"), "{}", said(&output));
}

#[test]
fn a_door_listens_to_the_folder_that_lies_there_now() {
    let (stage, inbox) = watched("");
    let text = std::fs::read_to_string(stage.path("archivio/conserva.toml")).expect("configuration");
    write(&stage.path("archivio/conserva.toml"), text.replace("rescan_seconds = 2", "rescan_seconds = 600").as_bytes());
    let daemon = Daemon::start(&stage, &["--only", "acquire"]);
    until("the door is open", 15, || daemon.log().contains("the door is open"));
    write(&inbox.join("a.txt"), b"uno");
    until("it is in", 15, || lying(&inbox).is_empty());
    std::fs::rename(&inbox, stage.path("altrove")).expect("away");
    std::fs::create_dir(&inbox).expect("another");
    until("it listens anew", 15, || daemon.log().matches("the door is open").count() == 2);
    write(&inbox.join("b.txt"), b"due");
    until("the other folder's file is in", 15, || lying(&inbox).is_empty() && arrivals(&stage).len() == 2);
    assert_eq!(daemon.end(Signal::TERM), Some(0));
}
