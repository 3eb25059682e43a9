//! What closed clients begin with: a request that each of them makes once, before all others.
//!
//! A person who logs in, a script whose greenlets sleep and make an object before their loop.

use crate::reader::node::Node;
use crate::words::diagnostic::Findings;
use crate::words::source::Name;

/// Reads `begins` of a `[client.NAME]`.
pub(crate) fn read(client: &Name, node: &Node, findings: &mut Findings) -> Option<Name> {
    let begins = node.find::<&[Name]>("begins").and_then(|names| names.first())?;
    if node.get("first_alone") {
        let what = format!("client `{}` has both `begins` and `first_alone`", client.text);
        let help =
            "keep one: either all of them begin together, or the first asks again and again before the others begin";
        findings.error(node.key_at("begins"), what).label("beside `first_alone`").help(help);
    }
    let chosen = node.find::<&[Name]>("requests").unwrap_or_default();
    if let Some(twice) = chosen.iter().find(|name| name.text == begins.text) {
        let what = format!("client `{}` begins with request `{}` and chooses it too", client.text, begins.text);
        let help =
            "remove it from `requests`: each client makes it once; or write a second request with the same steps";
        findings.error(twice.at, what).label("listed here too").help(help);
    }
    Some(begins.clone())
}
