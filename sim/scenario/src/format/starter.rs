//! The file that `tailback new NAME` writes: small, commented, and it runs.

/// A commented scenario called `name` that runs as it stands.
pub fn starter(name: &str) -> String {
    let clean: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
    let title = clean.replace('\\', "\\\\").replace('"', "\\\"");
    TEMPLATE.replace("{title}", &title)
}

const TEMPLATE: &str = r#"# Question: do threads or greenlets serve these people better?
# Source: made up by `tailback new`; put your own numbers here.
version = 1
title = "{title}"

[run]
length = "60s"                  # people come for a minute
replications = 3                # with chance drawn anew each time

[machine]
cores = 2

# The worlds serve the same people; the name is the label in tables and plots.
[world.threads]
worker = "uwsgi-threads"
processes = 2
threads = 20                    # of each process

[world.gevent]
worker = "uwsgi-gevent"
processes = 2
greenlets = 500

# Who comes: at random, 50 a second, whatever happens.
[client.users]
rate = "50/s"
patience = "lognormal(3s, 8s)"  # median, 99th percentile; then they leave
refresh = { chance = 0.5 }      # half of them ask once more

# What the requests call. For a minute of trouble: slow = [{ from = "20s", to = "40s", factor = 5 }]
[peer.database]
network = "200us"

# What a request does, step by step.
[request.page]
share = 9
steps = [
  { burn = "3ms" },                                         # Python, holding the GIL
  { call = "database", takes = "lognormal(20ms, 200ms)" },  # waits without CPU
  { burn = "1ms" },
]

[request.report]
share = 1
steps = [{ call = "database", takes = "exp(500ms)" }, { burn = "50ms" }]
"#;
