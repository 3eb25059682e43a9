//! What tests of drawings hold them against, here and in crates that draw on our canvas.

/// Every tag that opens closes, and only tags of drawings occur.
///
/// # Panics
/// If it is not so.
pub fn assert_well_formed(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    for part in svg.split('<').skip(1) {
        let (tag, _) = part.split_once('>').expect("a tag ends");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        assert!(
            ["svg", "title", "rect", "text", "polyline", "polygon", "circle"].contains(&name),
            "unexpected element {name:?}"
        );
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} never close");
    assert!(!svg.chars().any(|letter| letter.is_control() && letter != '\n'), "a control character is not XML");
}
