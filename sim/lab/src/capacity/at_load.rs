//! A world at so many times its load, as a search looks at it: for long enough, and without a herd at the door.
//!
//! A lighter load brings fewer requests, and few requests tell little: where nothing happens at a set time, its run is longer by as
//! much as it is lighter.
//! Closed clients who all begin at one instant are a crowd that never comes again, so they begin spread over a pause, as if each had
//! just been served: what is asked for is the load that goes on, not the first second.

use engine::model::{Arrivals, ClientSpec, Model};

use crate::scaled::with_load;

/// A run is made so many times longer at most.
const LONGEST: f64 = 64.0;

/// The world at so many times the load; `longer` says whether the run of a lighter load may be longer.
pub fn at_load(model: &Model, factor: f64, longer: bool) -> Model {
    let mut scaled = spread(&with_load(model, factor));
    if let Some(length) = scaled.run.length.filter(|_| longer && factor < 1.0) {
        let warm_up = scaled.run.warm_up;
        // In whole per cent, so that every platform has the same length.
        let percent = (100.0 * (1.0 / factor).min(LONGEST)).round() as u64;
        scaled.run.length = Some(warm_up + (length - warm_up) * percent / 100);
    }
    scaled
}

/// The world with closed clients who do not begin all at once.
///
/// Those who send a fixed number of requests, or whose first one is a beginning of its own, begin as they are told.
fn spread(model: &Model) -> Model {
    let client = |client: &ClientSpec| {
        let endless = matches!(&client.arrivals, Arrivals::Closed { requests: None, .. });
        let spread = endless && client.begins.is_none() && !client.first_alone;
        ClientSpec { spread: client.spread || spread, ..client.clone() }
    };
    Model { clients: model.clients.iter().map(client).collect(), ..model.clone() }
}
