//! `--set`: any key of the file, with its own diagnostics.

use engine::model::WorkerKind;
use engine::time::Span;
use scenario::{Compiled, Diagnostic, Override};

const TEXT: &str = include_str!("../../../scenarios/pinterest/cpu-hog.toml");

fn set(pairs: &[(&str, &str)]) -> Result<Compiled, Vec<Diagnostic>> {
    let overrides: Vec<Override> =
        pairs.iter().map(|(key, value)| Override { key: key.to_string(), value: value.to_string() }).collect();
    let scenario = scenario::parse(TEXT, "s.toml", &overrides)?;
    scenario::compile(&scenario, &mut |_| Err("no files".into()))
}

fn said(pairs: &[(&str, &str)]) -> String {
    set(pairs).expect_err("a mistake").iter().map(|diagnostic| diagnostic.plain(TEXT)).collect()
}

#[test]
fn any_key_can_be_set_with_or_without_quotes() {
    let compiled = set(&[
        ("world.threads.threads", "80"),
        ("run.length", "7m"),
        ("run.drain", "\"3s\""),
        ("title", "A better title"),
        ("question", "42"),
        ("machine", "{ cores = 16 }"),
        ("request.heavy.steps.0.burn", "exp(300ms)"),
        ("peer.backend.slow", "[{ from = \"1s\", to = \"2s\", factor = 2 }]"),
        ("client.users.network", "0s"),
    ])
    .expect("nothing wrong");
    let model = &compiled.models[0];
    assert_eq!(model.workers[0].kind, WorkerKind::Threads { threads: 80 });
    assert_eq!(model.run.length, Some(Span::from_secs(420)));
    assert_eq!(model.run.drain, Span::from_secs(3));
    assert_eq!(compiled.title, "A better title");
    assert_eq!(compiled.question.as_deref(), Some("42"));
    assert_eq!(model.hosts[0].cores, 16);
    assert_eq!(model.classes[1].sites[0].name, "heavy/burn#0");
    assert_eq!(compiled.shaded.len(), 1);
    assert_eq!(model.clients[0].network, Span::ZERO);
}

#[test]
fn the_last_override_wins() {
    let compiled = set(&[("run.seed", "3"), ("run.seed", "4")]).expect("nothing wrong");
    assert_eq!(compiled.seed, 4);
}

#[test]
fn a_key_that_is_not_in_the_file_can_be_set() {
    let compiled =
        set(&[("run.seed", "9"), ("balancer.policy", "least-connections"), ("world.gevent.costs.spawn", "1us")]);
    let compiled = compiled.expect("nothing wrong");
    assert_eq!(compiled.seed, 9);
    assert_eq!(compiled.models[1].workers[0].costs.spawn, Span::from_us(1));
}

#[test]
fn an_unknown_key_shows_the_override_and_what_was_meant() {
    assert_eq!(
        said(&[("world.threads.thread", "80")]),
        "--set:1:15: error: unknown key `thread` in `world.threads`\n  \
           |\n\
         1 | world.threads.thread=80\n  \
           |               ^^^^^^ not a key of a world\n  \
           = help: did you mean `threads`?\n"
    );
}

#[test]
fn an_unknown_name_is_not_made_up() {
    assert_eq!(
        said(&[("world.thread.threads", "80")]),
        "--set:1:7: error: the file has no world `thread`\n  \
           |\n\
         1 | world.thread.threads=80\n  \
           |       ^^^^^^ no such name\n  \
           = help: did you mean `threads`?\n"
    );
}

#[test]
fn a_wrong_value_is_underlined_in_the_override() {
    assert_eq!(
        said(&[("client.users.rate", "55")]),
        "--set:1:19: error: the rate `rate` has no unit\n  \
           |\n\
         1 | client.users.rate=55\n  \
           |                   ^^ a bare number\n  \
           = help: write \"55/s\", in quotes; units are /s, /m, /h\n"
    );
}

#[test]
fn wrong_paths_are_all_reported() {
    let list = set(&[
        ("a b", "1"),
        ("", "1"),
        ("title.x", "1"),
        ("request.quick.steps.9.burn", "1ms"),
        ("request.quick.steps.first", "1ms"),
        ("=", "="),
        ("[run]\nseed", "1"),
    ])
    .expect_err("nothing right");
    let what: Vec<&str> = list.iter().map(|d| d.what.as_str()).collect();
    let expected = [
        "`a b` is not the path of a key",
        "`` is not the path of a key",
        "`x` cannot be set: what comes before it is text",
        "`9` is not an entry of this list",
        "`first` is not an entry of this list",
        "`=` is not the path of a key",
        "`[run] seed` is not the path of a key",
    ];
    assert_eq!(what, expected);
    assert!(list.iter().all(|d| d.file == "--set" && d.source.is_some()));
}

#[test]
fn an_override_can_mend_a_mistake_of_the_file() {
    let wrong = TEXT.replace("cores = 4", "cores = 0");
    assert!(scenario::parse(&wrong, "s.toml", &[]).is_err());
    let mended = [Override { key: "machine.cores".into(), value: "4".into() }];
    assert!(scenario::parse(&wrong, "s.toml", &mended).is_ok());
}
