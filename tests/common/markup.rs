//! Reads the markup of a page strictly: every tag is closed, in order, by name, and every attribute stands in quotes.
//!
//! It reads less than a browser does, on purpose: what it accepts, every browser reads alike.

/// An element of a page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    /// Index of the element around it.
    pub parent: Option<usize>,
    /// The text directly in it, escapes and all.
    pub text: String,
}

impl Element {
    /// An attribute's value, as it is written.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// Every element of a page, in order.
pub fn read(page: &str) -> Result<Vec<Element>, String> {
    let mut rest = page.strip_prefix("<!DOCTYPE html>\n").ok_or("a page begins with its doctype")?;
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        is_plain(text)?;
        if let Some(&inner) = open.last() {
            elements[inner].text += text;
        }
        let excerpt = || tag.chars().take(60).collect::<String>();
        if let Some(closing) = tag.strip_prefix("</") {
            let (name, after) = closing.split_once('>').ok_or_else(excerpt)?;
            let inner = open.pop().ok_or_else(|| format!("</{name}> closes nothing"))?;
            if elements[inner].name != name {
                return Err(format!("</{name}> closes <{}>", elements[inner].name));
            }
            rest = after;
            continue;
        }
        let (element, closed, after) = opening(&tag[1..]).ok_or_else(excerpt)?;
        let name = element.name.clone();
        elements.push(Element { parent: open.last().copied(), ..element });
        rest = after;
        if name == "style" || name == "script" {
            let (raw, after) = rest.split_once(&format!("</{name}>")).ok_or_else(excerpt)?;
            elements.last_mut().expect("it was pushed").text = raw.to_owned();
            rest = after;
        } else if !closed {
            open.push(elements.len() - 1);
        }
    }
    match open.last() {
        Some(&inner) => Err(format!("<{}> is never closed", elements[inner].name)),
        None => Ok(elements),
    }
}

/// Every `&` begins an escape.
fn is_plain(text: &str) -> Result<(), String> {
    for after in text.split('&').skip(1) {
        let name = after.split(';').next().unwrap_or(after);
        if !after.contains(';') || name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '#') {
            return Err(format!("a bare & before {:?}", after.chars().take(20).collect::<String>()));
        }
    }
    Ok(())
}

/// The element that a tag opens, whether it closes it too, and what follows.
fn opening(tag: &str) -> Option<(Element, bool, &str)> {
    let end = tag.find(|c: char| !c.is_ascii_alphanumeric())?;
    let (name, mut rest) = tag.split_at(end);
    let mut attributes = Vec::new();
    loop {
        let trimmed = rest.trim_start();
        if let Some(after) = trimmed.strip_prefix("/>") {
            return Some((element(name, attributes)?, true, after));
        }
        if let Some(after) = trimmed.strip_prefix('>') {
            return Some((element(name, attributes)?, false, after));
        }
        let (key, value) = trimmed.split_once("=\"")?;
        let (value, after) = value.split_once('"')?;
        let is_key = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == ':';
        if trimmed.len() == rest.len() || key.is_empty() || !key.chars().all(is_key) {
            return None;
        }
        is_plain(value).ok()?;
        attributes.push((key.to_owned(), value.to_owned()));
        rest = after;
    }
}

fn element(name: &str, attributes: Vec<(String, String)>) -> Option<Element> {
    (!name.is_empty()).then(|| Element { name: name.to_owned(), attributes, parent: None, text: String::new() })
}
