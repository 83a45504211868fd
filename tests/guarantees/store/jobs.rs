//! The contract: jobs are leased, fenced, put off, and fairly given.

use conserva::arrival::EnteId;
use conserva::ente::Ente;
use conserva::error::Kind;
use conserva::store::{Change, Closing};

use super::{NOON, claimed, fact, fresh, job, later, prova};

#[tokio::test]
async fn a_result_under_a_lost_lease_is_not_written() {
    let (_folder, store) = fresh().await;
    store.apply(&prova(), None, &[job("identify", "arr-1", 0)]).await.expect("job");
    let slow = claimed(&store, NOON).await.expect("first");
    assert_eq!(slow.attempt, 1);
    let quick = claimed(&store, later(60)).await.expect("after the lease's end");
    assert_eq!((quick.job, quick.attempt), (slow.job, 2));
    let error = store.apply(&prova(), Some((&slow, Closing::Done)), &[fact("arr-1", 0, "1")]).await.expect_err("too late");
    assert_eq!((error.code(), error.kind()), ("lease-lost", Kind::Retry));
    assert_eq!(store.fact(&prova(), "arr-1", "page").await.expect("fact"), None);
    assert!(!store.extend(&slow, later(999)).await.expect("extend"));
    store.apply(&prova(), Some((&quick, Closing::Done)), &[fact("arr-1", 0, "2")]).await.expect("in time");
    assert_eq!(store.fact(&prova(), "arr-1", "page").await.expect("fact").as_deref(), Some("2"));
    let again = store.apply(&prova(), Some((&quick, Closing::Done)), &[]).await.expect_err("closed once");
    assert_eq!(again.code(), "lease-lost");
}

#[tokio::test]
async fn a_lease_holds_until_its_end_and_not_longer() {
    let (_folder, store) = fresh().await;
    store.apply(&prova(), None, &[job("identify", "arr-1", 0)]).await.expect("job");
    let claim = claimed(&store, NOON).await.expect("first");
    assert_eq!(claim.until, later(60));
    assert_eq!(claimed(&store, later(59)).await, None);
    assert!(store.extend(&claim, later(90)).await.expect("extend"));
    assert_eq!(claimed(&store, later(89)).await, None);
    assert_eq!(claimed(&store, later(90)).await.expect("after the end").attempt, 2);
}

#[tokio::test]
async fn void_leases_give_jobs_back_with_their_attempts_counted() {
    let (_folder, store) = fresh().await;
    store.apply(&prova(), None, &[job("identify", "arr-1", 0)]).await.expect("job");
    let dead = claimed(&store, NOON).await.expect("claim");
    assert_eq!(store.void_leases().await.expect("void"), 1);
    let error = store.apply(&prova(), Some((&dead, Closing::Done)), &[]).await.expect_err("void");
    assert_eq!(error.code(), "lease-lost");
    assert_eq!(store.open_jobs(&prova()).await.expect("jobs")[0].attempt, 1);
    assert_eq!(claimed(&store, NOON).await.expect("claim").attempt, 2);
}

#[tokio::test]
async fn a_retry_waits_until_its_time_or_until_it_is_released() {
    let (_folder, store) = fresh().await;
    store.apply(&prova(), None, &[job("identify", "arr-1", 0)]).await.expect("job");
    let claim = claimed(&store, NOON).await.expect("claim");
    let put_off = Closing::Retry { not_before: later(30), reason: "disk-failed".to_owned() };
    store.apply(&prova(), Some((&claim, put_off)), &[]).await.expect("put off");
    let counts = store.job_counts(Some(&prova())).await.expect("counts");
    assert_eq!((counts.ready, counts.leased, counts.waiting, counts.next_at), (0, 0, 1, Some(later(30))));
    assert_eq!(claimed(&store, later(29)).await, None);
    assert!(store.release_job(&prova(), "identify", "arr-1", NOON).await.expect("release"));
    assert!(!store.release_job(&prova(), "identify", "arr-1", NOON).await.expect("nothing waits any more"));
    assert_eq!(store.job_counts(None).await.expect("counts").ready, 1);
    assert_eq!(claimed(&store, NOON).await.expect("claim").attempt, 2);
    assert_eq!(store.job_counts(None).await.expect("counts").leased, 1);
    let job = store.open_jobs(&prova()).await.expect("jobs").remove(0);
    assert_eq!((job.reason.as_deref(), job.until), (Some("disk-failed"), Some(later(60))));
}

#[tokio::test]
async fn an_open_job_is_not_doubled_and_a_closed_one_may_come_again() {
    let (_folder, store) = fresh().await;
    let twice = [job("text", "doc-1", 0), job("text", "doc-1", 5), job("form", "doc-1", 0)];
    store.apply(&prova(), None, &twice).await.expect("jobs");
    assert_eq!(store.open_jobs(&prova()).await.expect("jobs").len(), 2);
    let claim = store.claim(&["text"], NOON, 60).await.expect("claim").expect("text");
    store.apply(&prova(), Some((&claim, Closing::Done)), &[job("text", "doc-1", 0)]).await.expect("again");
    let again = store.claim(&["text"], NOON, 60).await.expect("claim").expect("again");
    assert_eq!(again.attempt, 1);
    assert_ne!(again.job, claim.job);
}

#[tokio::test]
async fn jobs_go_by_step_then_priority_then_age() {
    let (_folder, store) = fresh().await;
    let jobs = [job("text", "doc-1", 0), job("text", "doc-2", 0), job("form", "doc-3", 9), job("text", "doc-4", 1)];
    store.apply(&prova(), None, &jobs).await.expect("jobs");
    let mut owners = Vec::new();
    while let Some(claim) = store.claim(&["text", "fields"], NOON, 60).await.expect("claim") {
        owners.push(claim.owner);
    }
    assert_eq!(owners, ["doc-4", "doc-1", "doc-2"]);
    assert_eq!(claimed(&store, NOON).await.expect("any step").owner, "doc-3");
}

#[tokio::test]
async fn an_ente_with_many_jobs_does_not_starve_another() {
    let (_folder, store) = fresh().await;
    let mut small = Ente::prova();
    small.codice_ipa = "small".to_owned();
    store.add_ente(&small).await.expect("ente");
    let many: Vec<Change> = (0..6).map(|n| job("text", &format!("doc-{n}"), 0)).collect();
    store.apply(&prova(), None, &many).await.expect("jobs");
    store.apply(&EnteId("small".to_owned()), None, &many[..2]).await.expect("jobs");
    let mut enti = Vec::new();
    while let Some(claim) = claimed(&store, NOON).await {
        enti.push(claim.ente.0);
    }
    assert_eq!(enti, ["prova", "small", "prova", "small", "prova", "prova", "prova", "prova"]);
}

#[tokio::test]
async fn a_clock_that_is_set_back_leaves_no_job_waiting_for_the_days_that_it_lost() {
    let (_folder, store) = fresh().await;
    store.apply(&prova(), None, &[job("identify", "arr-1", 0), job("text", "doc-1", 0)]).await.expect("jobs");
    let put_off = claimed(&store, NOON).await.expect("first");
    let closing = Closing::Retry { not_before: later(300), reason: "disk-failed".to_owned() };
    store.apply(&prova(), Some((&put_off, closing)), &[]).await.expect("put off");
    let leased = claimed(&store, NOON).await.expect("second");
    // A quarter of an hour is more than any pause or lease: up to there both wait, beyond it the clock was set.
    assert_eq!(claimed(&store, later(300 - 900)).await, None);
    let paused = claimed(&store, later(300 - 901)).await.expect("the pause is over");
    assert_eq!((paused.job, paused.attempt), (put_off.job, 2));
    assert_eq!(claimed(&store, later(60 - 900)).await, None);
    let anew = claimed(&store, later(60 - 901)).await.expect("the lease is over");
    assert_eq!((anew.job, anew.attempt), (leased.job, 2));
    let error = store.apply(&prova(), Some((&leased, Closing::Done)), &[]).await.expect_err("taken anew");
    assert_eq!(error.code(), "lease-lost");
}
