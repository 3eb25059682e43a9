//! Routes out of paths: what names one thing of many (numbers, UUIDs, hashes, and names that are too many to be routes) is folded.

use std::collections::{BTreeMap, BTreeSet};

/// Names that may follow one prefix before all of them are taken for one.
const SIBLINGS_MAX: usize = 40;
/// Folded paths that are kept apart; what comes later is counted together.
const ROUTES_MAX: usize = 5_000;
/// Requests as they were written that are remembered.
const RECENT_MAX: usize = 2_000;
/// Segments of a path that are looked at.
const SEGMENTS_MAX: usize = 12;
/// What is beyond the limit, or cannot be read.
pub const OTHER: &str = "(other)";

/// A path with what looks like an identifier folded.
pub fn folded(path: &str) -> String {
    let mut out = String::new();
    for (at, segment) in path.split('/').filter(|segment| !segment.is_empty()).enumerate() {
        if at == SEGMENTS_MAX {
            out += "/...";
            break;
        }
        out.push('/');
        out += kind_of(segment).unwrap_or(segment);
    }
    if out.is_empty() { "/".to_owned() } else { out }
}

/// What a segment is an instance of; `None` for a name.
fn kind_of(segment: &str) -> Option<&'static str> {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let hex = segment.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_uuid = segment.len() == 36
        && segment
            .bytes()
            .enumerate()
            .all(|(at, byte)| if [8, 13, 18, 23].contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() });
    if digits > 0 && digits == segment.len() {
        Some(":number")
    } else if is_uuid {
        Some(":uuid")
    } else if hex && segment.len() >= 12 && digits > 0 {
        Some(":hash")
    } else if (segment.len() >= 20 && digits >= 3) || segment.len() > 60 {
        Some(":token")
    } else if digits >= 3 && digits * 2 >= segment.len() {
        Some(":id")
    } else {
        None
    }
}

/// Which route a request belongs to, while they come; and which routes are one after all, once all have come.
#[derive(Clone, Debug, Default)]
pub struct RouteBook {
    ids: BTreeMap<String, usize>,
    /// Requests as they were written, so that what is frequent is not folded anew each time.
    recent: BTreeMap<String, usize>,
    names: Vec<String>,
    siblings: BTreeMap<String, BTreeSet<String>>,
}

impl RouteBook {
    /// The number of a request's route.
    pub fn id(&mut self, method: &str, path: &str) -> usize {
        let mut written = String::with_capacity(method.len() + path.len() + 1);
        written += path;
        written.push(' ');
        written += method;
        if let Some(&id) = self.recent.get(&written) {
            return id;
        }
        let id = self.folded_id(method, path);
        if self.recent.len() < RECENT_MAX && written.len() < 200 {
            self.recent.insert(written, id);
        }
        id
    }

    fn folded_id(&mut self, method: &str, path: &str) -> usize {
        let mut key = String::with_capacity(method.len() + path.len() + 1);
        if method.is_empty() {
            key += OTHER;
        } else {
            key += method;
            key.push(' ');
            key += &folded(path);
        }
        if let Some(&id) = self.ids.get(&key) {
            return id;
        }
        if self.names.len() >= ROUTES_MAX && key != OTHER {
            key = OTHER.to_owned();
            if let Some(&id) = self.ids.get(&key) {
                return id;
            }
        }
        self.note_siblings(&key);
        self.names.push(key.clone());
        self.ids.insert(key, self.names.len() - 1);
        self.names.len() - 1
    }

    /// The names of all routes, by number, with names that are too many folded: equal names are one route.
    pub fn names(&self) -> Vec<String> {
        self.names.iter().map(|name| self.name(name)).collect()
    }

    fn name(&self, key: &str) -> String {
        let Some((method, path)) = key.split_once(' ') else { return key.to_owned() };
        let (mut prefix, mut out) = (method.to_owned(), format!("{method} "));
        for segment in path.split('/').skip(1) {
            let crowded = self.siblings.get(&prefix).is_some_and(|siblings| siblings.len() > SIBLINGS_MAX);
            out.push('/');
            out += if crowded { ":name" } else { segment };
            prefix.push('/');
            prefix += segment;
        }
        out
    }

    fn note_siblings(&mut self, key: &str) {
        let Some((method, path)) = key.split_once(' ') else { return };
        let mut prefix = method.to_owned();
        for segment in path.split('/').skip(1) {
            let siblings = self.siblings.entry(prefix.clone()).or_default();
            if siblings.len() <= SIBLINGS_MAX {
                siblings.insert(segment.to_owned());
            }
            prefix.push('/');
            prefix += segment;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_folded_and_names_are_not() {
        let cases = [
            ("/", "/"),
            ("/users/42/orders", "/users/:number/orders"),
            ("/a/3f2504e0-4f89-11d3-9a0c-0305e82c3301", "/a/:uuid"),
            ("/blob/d41d8cd98f00b204e9800998ecf8427e", "/blob/:hash"),
            ("/v2/items", "/v2/items"),
            ("/order/AB-12345", "/order/:id"),
            ("//double//slash/", "/double/slash"),
        ];
        for (path, route) in cases {
            assert_eq!(folded(path), route);
        }
    }

    #[test]
    fn names_that_are_too_many_are_one_route() {
        let mut book = RouteBook::default();
        let word = |at: u8| format!("/shop/{}{}", char::from(b'a' + at / 26), char::from(b'a' + at % 26));
        for at in 0..100 {
            book.id("GET", &word(at));
        }
        book.id("GET", "/cart/add");
        let names: BTreeSet<String> = book.names().into_iter().collect();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["GET /cart/add", "GET /shop/:name"]);
    }

    #[test]
    fn routes_have_a_bound() {
        let mut book = RouteBook::default();
        let letters = |mut at: usize| {
            let mut text = String::new();
            for _ in 0..4 {
                text.push(char::from(b'a' + (at % 26) as u8));
                at /= 26;
            }
            text
        };
        for at in 0..ROUTES_MAX {
            book.id("GET", &letters(at));
        }
        assert_eq!(book.names.len(), ROUTES_MAX);
        book.id("GET", "/zzzz/zzzz");
        book.id("GET", "/zzzz/zzzy");
        assert_eq!(book.names.len(), ROUTES_MAX + 1);
    }
}
