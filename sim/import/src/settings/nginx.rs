//! nginx.conf: formats of access logs, upstreams, time limits; after nginx 1.28 (ngx_conf_file.c for the grammar).

/// Words of a file that are looked at.
const WORDS_MAX: usize = 200_000;

/// A group of servers behind nginx.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NginxUpstream {
    /// Its name.
    pub name: String,
    /// Servers of it.
    pub servers: u32,
    /// As scenarios name it.
    pub policy: &'static str,
    /// Idle connections that are kept.
    pub keepalive: Option<u32>,
    /// Where it stands.
    pub source: String,
}

/// What an nginx.conf says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NginxSays {
    /// Formats by name, in their order.
    pub formats: Vec<(String, String)>,
    /// The format that the last `access_log` names.
    pub used_format: Option<String>,
    /// Upstreams.
    pub upstreams: Vec<NginxUpstream>,
    /// Time limits: the key of a scenario's proxy, its value, where it stands.
    pub limits: Vec<(&'static str, String, String)>,
}

impl NginxSays {
    /// The format in which the log is written, if the file says so or has only one.
    pub fn format(&self) -> Option<&str> {
        let named = self.used_format.as_ref().and_then(|name| self.formats.iter().find(|(known, _)| known == name));
        let only = self.formats.first().filter(|_| self.formats.len() == 1);
        named.or(only).map(|(_, format)| format.as_str())
    }
}

struct Word {
    text: String,
    line: u64,
    quoted: bool,
}

/// An nginx.conf, if it has at least one thing that an import can use.
pub fn nginx_conf(text: &str, file: &str) -> Option<NginxSays> {
    let words = words(text);
    let mut says = NginxSays::default();
    let mut from = 0;
    let mut upstream: Option<NginxUpstream> = None;
    for at in 0..words.len() {
        let end = match words[at].text.as_str() {
            ";" | "{" | "}" if !words[at].quoted => words[at].text.as_bytes()[0],
            _ => continue,
        };
        let statement = &words[from..at];
        from = at + 1;
        let first = statement.first().map_or("", |word| word.text.as_str());
        let source = statement.first().map_or(file.to_owned(), |word| format!("{file}:{}", word.line));
        if end == b'{' && first == "upstream" {
            let name = statement.get(1).map_or(String::new(), |word| word.text.clone());
            upstream = Some(NginxUpstream { name, policy: "round-robin", source, ..NginxUpstream::default() });
        } else if end == b'}' {
            says.upstreams.extend(upstream.take());
        } else if end == b';' {
            match &mut upstream {
                Some(upstream) => of_upstream(upstream, statement),
                None => directive(&mut says, statement, source),
            }
        }
    }
    let says_anything = !(says.formats.is_empty() && says.upstreams.is_empty() && says.limits.is_empty());
    says_anything.then_some(says)
}

fn of_upstream(upstream: &mut NginxUpstream, statement: &[Word]) {
    let word = |at: usize| statement.get(at).map_or("", |word| word.text.as_str());
    match word(0) {
        "server" if !statement.iter().any(|word| word.text == "down" || word.text == "backup") => upstream.servers += 1,
        "least_conn" => upstream.policy = "least-connections",
        "random" => upstream.policy = if word(1) == "two" { "two-choices" } else { "random" },
        "ip_hash" | "hash" => upstream.policy = "hash",
        "keepalive" => upstream.keepalive = word(1).parse().ok().filter(|kept| *kept > 0),
        _ => {}
    }
}

fn directive(says: &mut NginxSays, statement: &[Word], source: String) {
    let word = |at: usize| statement.get(at).map_or("", |word| word.text.as_str());
    match word(0) {
        "log_format" => {
            let parts = statement.iter().skip(2).filter(|word| !word.text.starts_with("escape="));
            says.formats.push((word(1).to_owned(), parts.map(|word| word.text.as_str()).collect()));
        }
        "access_log" if word(1) != "off" && statement.len() > 2 && !word(2).contains('=') => {
            says.used_format = Some(word(2).to_owned());
        }
        "proxy_read_timeout" => limit(says, "read_timeout", word(1), source),
        "proxy_connect_timeout" => limit(says, "connect_timeout", word(1), source),
        _ => {}
    }
}

fn limit(says: &mut NginxSays, key: &'static str, value: &str, source: String) {
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &value[number.len()..];
    let known = ["", "s", "ms", "m"].contains(&unit) && number.parse::<u32>().is_ok_and(|number| number > 0);
    if known {
        says.limits.retain(|(other, _, _)| *other != key);
        says.limits.push((key, format!("{number}{}", if unit.is_empty() { "s" } else { unit }), source));
    }
}

/// Words, quoted ones whole; the signs `;`, `{` and `}` are words.
fn words(text: &str) -> Vec<Word> {
    let (mut found, mut line) = (Vec::new(), 1);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if found.len() >= WORDS_MAX {
            break;
        }
        match c {
            '\n' => line += 1,
            '#' => {
                while chars.peek().is_some_and(|c| *c != '\n') {
                    chars.next();
                }
            }
            ';' | '{' | '}' => found.push(Word { text: c.into(), line, quoted: false }),
            '"' | '\'' => {
                let (begin, mut inside) = (line, String::new());
                while let Some(next) = chars.next() {
                    line += u64::from(next == '\n');
                    match next {
                        next if next == c => break,
                        '\\' => match chars.next() {
                            Some(escaped) if escaped == c || escaped == '\\' => inside.push(escaped),
                            Some(escaped) => inside.extend(['\\', escaped]),
                            None => {}
                        },
                        next => inside.push(next),
                    }
                }
                found.push(Word { text: inside, line: begin, quoted: true });
            }
            c if c.is_whitespace() => {}
            c => {
                let mut word = String::from(c);
                let mut before = c;
                while let Some(&next) = chars.peek() {
                    // `${name}` is a part of a word.
                    let braced =
                        next == '{' && before == '$' || next == '}' && word.contains("${") && !word.ends_with('}');
                    if next.is_whitespace() || (";{}".contains(next) && !braced) {
                        break;
                    }
                    word.push(next);
                    before = next;
                    chars.next();
                }
                found.push(Word { text: word, line, quoted: false });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_upstreams_and_limits_are_found() {
        let text = "http {\n  log_format timed escape=json '$remote_addr [$time_local] \"$request\" '\n     '$status $request_time';\n  \
                    log_format other '$request';\n  access_log /var/log/x timed;\n  upstream app { least_conn; server a:1; server b:1 weight=2; server c:1 backup; keepalive 32; }\n  \
                    server { location / { proxy_pass http://app; proxy_read_timeout 30s; } } # done\n}\n";
        let says = nginx_conf(text, "nginx.conf").unwrap();
        assert_eq!(says.format(), Some("$remote_addr [$time_local] \"$request\" $status $request_time"));
        let upstream = &says.upstreams[0];
        assert_eq!((upstream.servers, upstream.policy, upstream.keepalive), (2, "least-connections", Some(32)));
        assert_eq!(says.limits, [("read_timeout", "30s".to_owned(), "nginx.conf:7".to_owned())]);
    }

    #[test]
    fn hostile_text_ends() {
        for text in [
            "",
            "{",
            "}",
            "'",
            "\"\\",
            "upstream",
            "upstream x {",
            "log_format;",
            "a${",
            "${{{}}}",
            "proxy_read_timeout é;",
        ] {
            let _ = nginx_conf(text, "x");
        }
    }
}
