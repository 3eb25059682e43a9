//! The part of Python in which configuration is mostly written: names set to literals, arithmetic, and the number of cores.
//!
//! After CPython 3.14's grammar for expressions. Nothing is executed: what is beyond (imports, functions, files) is unknown, with the
//! reason, and is asked for. The environment is not looked at; a default that stands in the file is taken and told.

use std::collections::BTreeMap;

/// Bytes of a file that is evaluated.
const SOURCE_MAX: usize = 1024 * 1024;
/// Brackets inside of brackets.
const DEPTH_MAX: usize = 50;

/// A value, as far as it is known.
#[derive(Clone, PartialEq, Debug)]
pub enum PythonValue {
    /// A number.
    Number(f64),
    /// A string.
    Text(String),
    /// A truth.
    Flag(bool),
    /// `None`.
    Nothing,
    /// Something whose value only a run would tell: how it is written.
    Unknown(String),
}

/// The names that a file sets.
#[derive(Clone, Debug, Default)]
pub struct PythonModule {
    /// Values with their lines, last assignment.
    pub names: BTreeMap<String, (PythonValue, u64)>,
    /// What was taken for granted, each a sentence.
    pub assumed: Vec<String>,
    /// Whether the number of cores was asked for.
    pub asks_cores: bool,
}

/// Evaluates the assignments of a file.
pub fn evaluate(source: &str, cores: Option<u32>) -> PythonModule {
    let mut module = PythonModule::default();
    for (line, text) in logical_lines(&source[..floor(source, SOURCE_MAX)]) {
        let indented = text.starts_with([' ', '\t']);
        let Some((name, expression)) = assignment(text.trim()) else { continue };
        let value = if indented {
            PythonValue::Unknown(format!("{} (under a condition)", expression.trim()))
        } else {
            let mut parser = Parser { module: &mut module, cores, tokens: tokens(expression), at: 0 };
            parser.whole().unwrap_or_else(|| PythonValue::Unknown(crate::excerpt(expression.as_bytes())))
        };
        module.names.insert(name.to_owned(), (value, line));
    }
    module
}

fn floor(text: &str, most: usize) -> usize {
    (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// `name = expression`, with or without an annotation.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, expression) = line.split_once('=')?;
    if expression.starts_with('=') || name.ends_with(['!', '<', '>', '+', '-', '*', '/', '|', '%']) {
        return None;
    }
    let name = name.split(':').next().unwrap_or(name).trim();
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some((name, expression))
}

/// Lines joined over brackets, backslashes and long strings, without comments; each with the number of its first.
fn logical_lines(source: &str) -> Vec<(u64, String)> {
    let (mut lines, mut current, mut first) = (Vec::new(), String::new(), 1);
    let (mut depth, mut quote): (usize, Option<&str>) = (0, None);
    for (number, line) in (1_u64..).zip(source.lines()) {
        if current.is_empty() {
            first = number;
        }
        let mut rest = line;
        let mut continued = false;
        while let Some(c) = rest.chars().next() {
            let taken = match quote {
                Some(end) if rest.starts_with(end) => {
                    quote = None;
                    end.len()
                }
                Some(_) if c == '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
                Some(_) => c.len_utf8(),
                None if c == '#' => break,
                None if c == '\\' && rest.len() == 1 => {
                    continued = true;
                    break;
                }
                None => {
                    quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|mark| rest.starts_with(mark));
                    depth = match c {
                        '(' | '[' | '{' => depth + 1,
                        ')' | ']' | '}' => depth.saturating_sub(1),
                        _ => depth,
                    };
                    quote.map_or(c.len_utf8(), str::len)
                }
            };
            current.push_str(&rest[..taken]);
            rest = &rest[taken..];
        }
        let in_long = quote.is_some_and(|mark| mark.len() == 3);
        if !in_long {
            quote = None;
        }
        if depth == 0 && !continued && !in_long {
            lines.push((first, std::mem::take(&mut current)));
        } else {
            current.push(if in_long { '\n' } else { ' ' });
        }
    }
    if !current.trim().is_empty() {
        lines.push((first, current));
    }
    lines.retain(|(_, line)| !line.trim().is_empty());
    lines
}

#[derive(Clone, PartialEq, Debug)]
enum Token {
    Number(f64),
    Text(String),
    Name(String),
    Sign(char),
    /// `//` and `**`.
    Double(char),
}

/// Tokens of an expression; what is none ends them with a sign that no rule knows.
fn tokens(text: &str) -> Vec<Token> {
    let (mut found, mut rest) = (Vec::new(), text.trim());
    while let Some(c) = rest.chars().next() {
        let taken = if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let end = rest.find(|c: char| !c.is_ascii_digit() && !"._e".contains(c)).unwrap_or(rest.len());
            found.push(rest[..end].replace('_', "").parse().map_or(Token::Sign('?'), Token::Number));
            end
        } else if c.is_alphabetic() || c == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').unwrap_or(rest.len());
            let prefix = rest[..end].to_ascii_lowercase();
            let is_prefix =
                ["r", "b", "u", "rb", "br"].contains(&prefix.as_str()) && rest[end..].starts_with(['"', '\'']);
            if is_prefix {
                let (text, taken) = string(&rest[end..], prefix.contains('r'));
                found.push(text);
                end + taken
            } else {
                found.push(Token::Name(rest[..end].to_owned()));
                end
            }
        } else if c == '"' || c == '\'' {
            let (text, taken) = string(rest, false);
            found.push(text);
            taken
        } else if rest.starts_with("//") || rest.starts_with("**") {
            found.push(Token::Double(c));
            2
        } else {
            if !c.is_whitespace() {
                found.push(Token::Sign(c));
            }
            c.len_utf8()
        };
        rest = &rest[taken..];
    }
    found
}

/// A string at the beginning of a text, and how much of the text it is.
fn string(text: &str, raw: bool) -> (Token, usize) {
    let mark = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|mark| text.starts_with(mark)).unwrap_or("\"");
    let (mut out, mut at) = (String::new(), mark.len());
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with(mark) {
            return (Token::Text(out), at + mark.len());
        }
        let Some(c) = rest.chars().next() else { break };
        at += c.len_utf8();
        if c != '\\' || raw {
            out.push(c);
            continue;
        }
        let Some(escaped) = text[at..].chars().next() else { break };
        at += escaped.len_utf8();
        match escaped {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            '\n' => {}
            '\\' | '\'' | '"' => out.push(escaped),
            other => out.extend(['\\', other]),
        }
    }
    (Token::Sign('?'), text.len())
}

struct Parser<'a> {
    module: &'a mut PythonModule,
    cores: Option<u32>,
    tokens: Vec<Token>,
    at: usize,
}

impl Parser<'_> {
    fn whole(&mut self) -> Option<PythonValue> {
        let value = self.sum(0)?;
        (self.at == self.tokens.len()).then_some(value)
    }

    fn sign(&mut self, wanted: char) -> bool {
        let found = self.tokens.get(self.at) == Some(&Token::Sign(wanted));
        self.at += usize::from(found);
        found
    }

    fn sum(&mut self, depth: usize) -> Option<PythonValue> {
        let mut left = self.product(depth)?;
        loop {
            if self.sign('+') {
                left = match (left, self.product(depth)?) {
                    (PythonValue::Text(a), PythonValue::Text(b)) => PythonValue::Text(a + &b),
                    (a, b) => arithmetic(a, b, |a, b| a + b)?,
                };
            } else if self.sign('-') {
                left = arithmetic(left, self.product(depth)?, |a, b| a - b)?;
            } else if let Some(Token::Name(word)) = self.tokens.get(self.at) {
                // `a or b`: the first that is something.
                if word != "or" {
                    return None;
                }
                self.at += 1;
                let right = self.sum(depth + 1)?;
                let empty = matches!(&left, PythonValue::Nothing | PythonValue::Flag(false))
                    || left == PythonValue::Number(0.0)
                    || left == PythonValue::Text(String::new());
                left = if empty { right } else { left };
            } else {
                return Some(left);
            }
        }
    }

    fn product(&mut self, depth: usize) -> Option<PythonValue> {
        let mut left = self.atom(depth)?;
        loop {
            if self.sign('*') {
                left = arithmetic(left, self.atom(depth)?, |a, b| a * b)?;
            } else if self.sign('/') {
                left = arithmetic(left, self.atom(depth)?, |a, b| a / b)?;
            } else if self.sign('%') {
                left = arithmetic(left, self.atom(depth)?, f64::rem_euclid)?;
            } else if self.tokens.get(self.at) == Some(&Token::Double('/')) {
                self.at += 1;
                left = arithmetic(left, self.atom(depth)?, |a, b| libm::floor(a / b))?;
            } else {
                return Some(left);
            }
        }
    }

    fn atom(&mut self, depth: usize) -> Option<PythonValue> {
        if depth > DEPTH_MAX {
            return None;
        }
        let token = self.tokens.get(self.at)?.clone();
        self.at += 1;
        match token {
            Token::Number(number) => Some(PythonValue::Number(number)),
            Token::Text(mut text) => {
                while let Some(Token::Text(more)) = self.tokens.get(self.at) {
                    text += more;
                    self.at += 1;
                }
                Some(PythonValue::Text(text))
            }
            Token::Sign('-') => arithmetic(PythonValue::Number(0.0), self.atom(depth + 1)?, |a, b| a - b),
            Token::Sign('(') => {
                let inside = self.sum(depth + 1)?;
                self.sign(')').then_some(inside)
            }
            Token::Name(name) => self.name(&name, depth),
            Token::Sign(_) | Token::Double(_) => None,
        }
    }

    fn name(&mut self, name: &str, depth: usize) -> Option<PythonValue> {
        if self.sign('(') {
            let mut arguments = Vec::new();
            while !self.sign(')') {
                arguments.push(self.sum(depth + 1)?);
                self.sign(',');
            }
            return self.call(name, &arguments);
        }
        match name {
            "True" => Some(PythonValue::Flag(true)),
            "False" => Some(PythonValue::Flag(false)),
            "None" => Some(PythonValue::Nothing),
            name => self.module.names.get(name).map(|(value, _)| value.clone()),
        }
    }

    fn call(&mut self, name: &str, arguments: &[PythonValue]) -> Option<PythonValue> {
        let numbers: Option<Vec<f64>> = arguments.iter().map(as_number).collect();
        let last = name.rsplit('.').next().unwrap_or(name);
        match (last, numbers) {
            ("cpu_count" | "process_cpu_count", _) => {
                self.module.asks_cores = true;
                Some(match self.cores {
                    Some(cores) => PythonValue::Number(f64::from(cores)),
                    None => PythonValue::Unknown("the number of cores; say it with --cores".to_owned()),
                })
            }
            ("min", Some(numbers)) => numbers.into_iter().reduce(f64::min).map(PythonValue::Number),
            ("max", Some(numbers)) => numbers.into_iter().reduce(f64::max).map(PythonValue::Number),
            ("int" | "round", Some(numbers)) => numbers.first().map(|number| PythonValue::Number(libm::trunc(*number))),
            ("float", Some(numbers)) => numbers.first().map(|number| PythonValue::Number(*number)),
            ("str", _) => arguments.first().cloned(),
            ("get" | "getenv", _) if name.starts_with("os.") => {
                let Some(PythonValue::Text(variable)) = arguments.first() else { return None };
                let given = arguments.get(1).cloned();
                match &given {
                    Some(value) => {
                        self.module.assumed.push(format!("{variable} is taken from the file's default, {value:?}"))
                    }
                    None => return Some(PythonValue::Unknown(format!("the environment's {variable}"))),
                }
                given
            }
            _ => arguments.iter().find(|value| matches!(value, PythonValue::Unknown(_))).cloned(),
        }
    }
}

fn as_number(value: &PythonValue) -> Option<f64> {
    match value {
        PythonValue::Number(number) => Some(*number),
        PythonValue::Text(text) => text.trim().parse().ok(),
        PythonValue::Flag(flag) => Some(f64::from(u8::from(*flag))),
        PythonValue::Nothing | PythonValue::Unknown(_) => None,
    }
}

fn arithmetic(a: PythonValue, b: PythonValue, how: impl Fn(f64, f64) -> f64) -> Option<PythonValue> {
    match (a, b) {
        (PythonValue::Unknown(why), _) | (_, PythonValue::Unknown(why)) => Some(PythonValue::Unknown(why)),
        (PythonValue::Number(a), PythonValue::Number(b)) => {
            Some(how(a, b)).filter(|result| result.is_finite()).map(PythonValue::Number)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(source: &str, name: &str) -> PythonValue {
        evaluate(source, Some(4)).names.get(name).unwrap().0.clone()
    }

    #[test]
    fn literals_arithmetic_and_cores_are_evaluated() {
        let source = "import multiprocessing\nworkers = multiprocessing.cpu_count() * 2 + 1\n\
                      cores = 3\nthreads = min(cores, 8) // 2 if False else 1\nx = int(2.9) + -1\ntimeout: int = 30  # seconds\n";
        assert_eq!(value(source, "workers"), PythonValue::Number(9.0));
        assert_eq!(value(source, "x"), PythonValue::Number(1.0));
        assert_eq!(value(source, "timeout"), PythonValue::Number(30.0));
        assert!(matches!(value(source, "threads"), PythonValue::Unknown(_)));
        let module = evaluate(source, None);
        assert!(module.asks_cores);
        assert!(matches!(&module.names["workers"].0, PythonValue::Unknown(why) if why.contains("--cores")));
    }

    #[test]
    fn strings_go_over_lines() {
        let source = "access_log_format = (\n    '%(t)s \"%(r)s\" '  # when\n    '%(s)s'\n)\nlong = \"\"\"a\nb\"\"\"\nworker_class = r'gthread'\n";
        assert_eq!(value(source, "access_log_format"), PythonValue::Text("%(t)s \"%(r)s\" %(s)s".into()));
        assert_eq!(value(source, "long"), PythonValue::Text("a\nb".into()));
        assert_eq!(value(source, "worker_class"), PythonValue::Text("gthread".into()));
    }

    #[test]
    fn what_only_a_run_would_tell_is_unknown_and_the_environments_default_is_told() {
        let source = "workers = int(os.environ.get('WEB_CONCURRENCY', 3))\nthreads = os.getenv('THREADS')\nbind = load()\nif x:\n    workers = 5\n";
        let module = evaluate(source, None);
        assert!(matches!(module.names["workers"].0, PythonValue::Unknown(_)), "set again under a condition");
        assert!(matches!(&module.names["threads"].0, PythonValue::Unknown(why) if why.contains("THREADS")));
        assert!(matches!(module.names["bind"].0, PythonValue::Unknown(_)));
        assert_eq!(module.assumed.len(), 1);
    }

    #[test]
    fn no_source_makes_it_panic() {
        for source in
            ["a=", "a='", "a=((((", "a=\"\"\"", "a=1/0", "a=\\", "é=1", "a='\\é'", "a=9e999", "=", "a=.", "a=f(,)"]
        {
            evaluate(source, None);
        }
        evaluate(&format!("a={}", "(".repeat(10_000)), None);
        evaluate(&format!("a={}1", "-".repeat(10_000)), None);
    }
}
