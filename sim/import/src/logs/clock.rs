//! Instants as logs write them: the common log format's, ISO 8601, ctime's, and seconds since the epoch.

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Nanoseconds since the epoch; `None` for what is no instant between 1970 and 2200.
pub fn instant(text: &str) -> Option<u64> {
    let text = text.trim().trim_start_matches('[').trim_end_matches(']').trim();
    let first = *text.as_bytes().first()?;
    if first.is_ascii_alphabetic() {
        return ctime(text);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return epoch(text);
    }
    if text.as_bytes().get(4) == Some(&b'-') { iso(text) } else { common(text) }
}

/// `30/Nov/2026:02:43:13 +0000`.
fn common(text: &str) -> Option<u64> {
    let (day, rest) = text.split_once('/')?;
    let (month, rest) = rest.split_once('/')?;
    let (year, rest) = rest.split_once(':')?;
    let (time, zone) = rest.split_once(' ').unwrap_or((rest, "+0000"));
    let days = days_of(number(year)?, month_of(month)?, number(day)?)?;
    whole(days, time, zone)
}

/// `2026-11-30T02:43:13.123Z`, with a space instead of the T, and with any zone.
fn iso(text: &str) -> Option<u64> {
    let (date, rest) = (text.get(..10)?, text.get(11..)?);
    let mut parts = date.split('-');
    let (year, month, day) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    let end = rest.find(|c: char| !c.is_ascii_digit() && !":.,".contains(c)).unwrap_or(rest.len());
    whole(days_of(year, month, day)?, &rest[..end], rest[end..].trim())
}

/// `Mon Nov 30 02:43:13 2026`.
fn ctime(text: &str) -> Option<u64> {
    let mut words = text.split_ascii_whitespace();
    let (_, month, day) = (words.next()?, month_of(words.next()?)?, number(words.next()?)?);
    let (time, year) = (words.next()?, number(words.next()?)?);
    whole(days_of(year, month, day)?, time, "Z")
}

/// Seconds, milliseconds, microseconds or nanoseconds, by their size.
fn epoch(text: &str) -> Option<u64> {
    let (whole, _) = text.split_once('.').unwrap_or((text, ""));
    let scale = match whole.len() {
        1..=10 => 1_000_000_000,
        11..=13 => 1_000_000,
        14..=16 => 1_000,
        17..=19 => 1,
        _ => return None,
    };
    super::decimal(text, scale)
}

fn whole(days: i64, time: &str, zone: &str) -> Option<u64> {
    let mut parts = time.splitn(3, ':');
    let (hours, minutes) = (number(parts.next()?)?, number(parts.next()?)?);
    let seconds = super::decimal(&parts.next().unwrap_or("0").replace(',', "."), 1_000_000_000)?;
    if hours > 24 || minutes > 59 || seconds > 61_000_000_000 {
        return None;
    }
    let minutes = days.checked_mul(1_440)? + hours * 60 + minutes - zone_minutes(zone)?;
    u64::try_from(minutes).ok()?.checked_mul(60_000_000_000)?.checked_add(seconds)
}

fn zone_minutes(zone: &str) -> Option<i64> {
    let Some(digits) = zone.strip_prefix(['+', '-']) else {
        return (zone.is_empty() || zone == "Z" || zone == "UTC").then_some(0);
    };
    let digits = digits.replace(':', "");
    let minutes = number(digits.get(..2)?)? * 60 + number(digits.get(2..4).unwrap_or("0"))?;
    Some(if zone.starts_with('-') { -minutes } else { minutes })
}

fn number(text: &str) -> Option<i64> {
    let short = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    if short { text.parse().ok() } else { None }
}

fn month_of(text: &str) -> Option<i64> {
    MONTHS.iter().position(|month| month.eq_ignore_ascii_case(text)).map(|at| at as i64 + 1)
}

/// Days since the epoch of a date of the Gregorian calendar (Howard Hinnant, `days_from_civil`).
fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1970..2200).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instant_is_read_in_all_of_its_forms() {
        let forms = [
            "30/Nov/2026:02:43:13 +0000",
            "[30/Nov/2026:03:43:13 +0100]",
            "2026-11-30T02:43:13Z",
            "2026-11-30T02:43:13+00:00",
            "2026-11-29 21:13:13 -05:30",
            "Mon Nov 30 02:43:13 2026",
            "1796006593",
            "1796006593.000",
            "1796006593000",
        ];
        for form in forms {
            assert_eq!(instant(form), Some(1_796_006_593_000_000_000), "{form}");
        }
        assert_eq!(instant("2026-11-30 02:43:13,116"), Some(1_796_006_593_116_000_000));
    }

    #[test]
    fn what_is_no_instant_is_none() {
        for text in
            ["", "-", "30/Nov/2026", "2026-13-01T00:00:00Z", "Mon", "99999999999999999999", "30/Foo/2026:1:1:1 +0000"]
        {
            assert_eq!(instant(text), None, "{text}");
        }
    }
}
