//! "Did you mean": the nearest of the known words, if one is near enough to be a slip of the hand.

/// Longest word that is compared; what is longer is no slip of the hand.
const LONGEST: usize = 64;

/// The known word nearest to `word`, if it is near.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let folded = fold(word);
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        if candidate.len() > LONGEST {
            continue;
        }
        let target = fold(candidate);
        let distance = strsim::damerau_levenshtein(&folded, &target);
        let length = folded.chars().count().max(target.chars().count());
        // One slip in three letters; a beginning such as `proc` for `processes` counts as near too.
        let prefix = folded.len() >= 3 && (target.starts_with(&folded) || folded.starts_with(&target));
        let near = distance <= length.div_ceil(3) || prefix && !target.is_empty();
        if near && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// "did you mean `x`? " for somebody who goes on with the words there are; nothing if none is near.
pub fn meant<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map_or(String::new(), |near| format!("did you mean `{near}`? "))
}

/// "did you mean `x`?", or else the words there are.
pub fn help<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone, listing: &str) -> String {
    if let Some(near) = nearest(word, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    let words: Vec<String> = known.into_iter().map(|word| format!("`{word}`")).collect();
    if words.is_empty() { format!("{listing}: none") } else { format!("{listing}: {}", words.join(", ")) }
}

/// Server software and frameworks that people name and that are not simulated: what is nearest.
pub fn instead(software: &str) -> Option<&'static str> {
    match fold(software).as_str() {
        "fastapi" | "starlette" => Some(
            "it runs on a server: write `uvicorn`, its own CPU time as a `burn`, and `in_thread = true` in requests with `def` endpoints",
        ),
        "django-asgi" => Some(
            "it runs on a server: write `uvicorn`, and for sync views `in_thread = \"views\"` with `primitive = \"asgiref.ThreadSensitiveContext\"` in [executor.views] (Django since 4.0; before, `asgiref.sync_to_async`, one thread)",
        ),
        "quart" | "asgi" => Some("it runs on a server: the nearest is `uvicorn`, with its own CPU time in a `burn`"),
        "daphne" => Some("the nearest is `uvicorn`, one loop a process; daphne's is Twisted's"),
        "waitress" => Some("the nearest is `paste`: one thread accepts, a pool serves"),
        "celery" => Some("it is no server; a pool of processes that take jobs is nearest to `gunicorn-sync`"),
        "flask" | "django" | "wsgi" => Some("it runs on a server, such as `gunicorn-gthread` or `uwsgi-threads`"),
        _ => None,
    }
}

/// Case and the choice between `-`, `_` and blank do not make words different.
fn fold(word: &str) -> String {
    word.to_lowercase().replace(['_', ' '], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_finds_its_word() {
        let known = ["redis", "database", "third-party"];
        assert_eq!(nearest("rediss", known), Some("redis"));
        assert_eq!(nearest("Third_Party", known), Some("third-party"));
        assert_eq!(nearest("data", known), Some("database"));
        assert_eq!(nearest("mongo", known), None);
        assert_eq!(nearest(&"r".repeat(1_000_000), known), None);
    }

    #[test]
    fn without_a_near_word_the_known_ones_are_listed() {
        assert_eq!(help("mongo", ["redis"], "peers of this file"), "peers of this file: `redis`");
        assert_eq!(help("mongo", [], "peers of this file"), "peers of this file: none");
    }

    #[test]
    fn the_list_of_what_is_known_is_complete() {
        let words: Vec<String> = (0..100).map(|number| format!("word-{number}")).collect();
        let said = help("quite different", words.iter().map(String::as_str), "words");
        assert!(words.iter().all(|word| said.contains(&format!("`{word}`"))), "{said}");
    }
}
