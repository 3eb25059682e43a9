//! Every limit of a file: what lies at it is read, what lies one beyond is refused by name.

use scenario::Diagnostic;

/// A scenario with `extra` at its end and these steps in its request.
fn scenario_with(extra: &str, steps: &str) -> String {
    format!(
        "version = 1\ntitle = \"T\"\n[run]\nlength = \"10s\"\n[machine]\ncores = 2\n[world.w]\nworker = \"gunicorn-sync\"\n\
         [client.c]\nrate = \"1/s\"\n[request.page]\nsteps = [{steps}]\n{extra}"
    )
}

fn errors(text: &str) -> Vec<String> {
    let what = |list: Vec<Diagnostic>| list.into_iter().map(|d| d.what).collect();
    scenario::parse(text, "s.toml", &[]).err().map(what).unwrap_or_default()
}

/// Holds a limit: `make(limit)` is read, `make(limit + 1)` is refused with `what`.
fn held(limit: usize, make: impl Fn(usize) -> String, what: &str) {
    assert_eq!(errors(&make(limit)), Vec::<String>::new(), "at the limit of {limit}");
    let beyond = errors(&make(limit + 1));
    assert!(beyond.iter().any(|said| said.contains(what)), "beyond the limit of {limit}: {beyond:?}");
}

fn many(count: usize, make: impl Fn(usize) -> String) -> String {
    (0..count).map(make).collect()
}

#[test]
fn a_file_has_at_most_a_mebibyte() {
    let base = scenario_with("", "").len();
    held(scenario::FILE_BYTES - base, |bytes| scenario_with(&"#".repeat(bytes), ""), "more than the limit");
}

#[test]
fn a_file_has_at_most_sixteen_worlds() {
    let world = |n: usize| format!("[world.w{n}]\nworker = \"gunicorn-sync\"\n");
    held(15, |count| scenario_with(&many(count, world), ""), "17 worlds are more than the limit");
}

#[test]
fn a_file_has_at_most_256_clients_peers_pools_or_requests() {
    for (table, body) in [
        ("client", "clients = 1\n"),
        ("request", ""),
        ("peer", ""),
        ("pool", "units = 1\n"),
        ("lock", ""),
        ("queue", ""),
        ("event", ""),
    ] {
        let entry = |n: usize| format!("[{table}.x{n}]\n{body}");
        let there = usize::from(table == "client" || table == "request");
        held(256 - there, |count| scenario_with(&many(count, entry), ""), "more than the limit");
    }
}

#[test]
fn all_requests_together_have_at_most_10_000_steps() {
    let steps = |count: usize| scenario_with("", &"{ yield = true },".repeat(count));
    held(10_000, steps, "more steps than the limit");
    let inner =
        |count: usize| scenario_with("", &format!("{{ repeat = 2, steps = [{}] }}", "{ yield = true },".repeat(count)));
    held(9_999, inner, "more steps than the limit");
}

#[test]
fn the_longest_program_compiles() {
    let steps = "{ repeat = 2, steps = [{ with = \"l\", steps = [{ burn = \"exp(1ms)\" }] }] },".repeat(3_333);
    let text = scenario_with("[lock.l]\n", &steps);
    let scenario = scenario::parse(&text, "s.toml", &[]).expect("within the limits");
    let compiled = scenario::compile(&scenario, &mut |_| Err("no files".into())).expect("within the limits");
    assert_eq!(compiled.models[0].programs[0].code.len(), 3_333 * 5 + 1);
}

#[test]
fn steps_nest_eight_deep_and_repeats_as_deep_as_a_task_has_registers() {
    let nest = |verb: &str, depth: usize| {
        let (open, close) = (format!("{{ {verb}, steps = [").repeat(depth - 1), "] }".repeat(depth - 1));
        scenario_with("", &format!("{open}{{ yield = true }}{close}"))
    };
    held(8, |depth| nest("chance = 0.5", depth), "nested deeper than the limit");
    let registers = engine::op::Program::REGISTERS;
    held(registers + 1, |depth| nest("repeat = 2", depth), "`repeat` is nested deeper than the limit");
}

#[test]
fn a_fan_has_at_most_1_000_runs_and_takes_a_register_of_its_own() {
    let fan = |count: usize| scenario_with("", &format!("{{ fan = {count}, steps = [] }}"));
    held(1_000, fan, "`fan` cannot be 1001");
    let repeats = |inside: usize| {
        let (open, close) = ("{ repeat = 2, steps = [".repeat(inside), "] }".repeat(inside));
        // Around the fan there may be as many as anywhere else.
        let around = engine::op::Program::REGISTERS;
        let (before, after) = ("{ repeat = 2, steps = [".repeat(around), "] }".repeat(around));
        scenario_with("", &format!("{before}{{ fan = 2, steps = [{open}{close}] }}{after}"))
    };
    held(engine::op::Program::REGISTERS - 1, repeats, "`repeat` is nested deeper than the limit");
}

#[test]
fn a_rate_has_at_most_1_000_points() {
    let points = |count: usize| {
        let points = many(count, |n| format!("{{ at = \"{n}ms\", rate = \"1/s\" }},"));
        scenario_with("", "").replace("\"1/s\"", &format!("[{points}]"))
    };
    held(1_000, points, "more than the limit");
}

#[test]
fn a_duration_has_at_most_a_million_seconds_and_a_rate_ten_million_requests() {
    let sleep = |seconds: usize| scenario_with("", &format!("{{ sleep = \"{seconds}s\" }}"));
    held(1_000_000, sleep, "longer than a scenario may say");
    let rate = |rate: usize| scenario_with("", "").replace("\"1/s\"", &format!("\"{rate}/s\""));
    held(10_000_000, rate, "higher than a scenario may say");
}

#[test]
fn a_world_has_at_most_ten_million_tasks_in_a_hundred_thousand_processes() {
    let world = |body: String| scenario_with("", "").replace("worker = \"gunicorn-sync\"", &body);
    let threads =
        |count: usize| world(format!("worker = \"uwsgi-threads\"\nthreads = {count}\nprocesses = 5\nservers = 2"));
    held(1_000_000, threads, "more than the limit");
    let processes = |count: usize| world(format!("worker = \"gunicorn-sync\"\nprocesses = {count}"));
    held(100_000, processes, "`processes` cannot be 100001");
}

#[test]
fn a_series_has_at_most_a_million_points() {
    // 10 s and 120 s of drain: at the limit a step of 130 us.
    let step = |beyond: usize| {
        let step = 130_000 - (beyond - 1);
        scenario_with("", "").replace("length = \"10s\"", &format!("length = \"10s\"\nstep = \"{step}ns\""))
    };
    held(1, step, "more than the limit");
}

#[test]
fn a_page_of_mistakes_is_enough() {
    let text = scenario_with("", &"{ brun = \"1ms\" },".repeat(150));
    let list = scenario::parse(&text, "s.toml", &[]).expect_err("150 mistakes");
    assert_eq!(list.len(), 100);
    let help = list[99].help.as_deref().unwrap_or("");
    assert!(help.ends_with("and 50 more mistakes after this one"), "{help}");
}
