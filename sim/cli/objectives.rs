//! Objectives on their way from a scenario to who judges runs by them, and the exit code that a verdict becomes.

use lab::slo::{GoodSide, Measure, Objective, Slo, Verdict};

use crate::problem::Problem;

/// The objectives of a scenario as `lab` has them.
pub fn slo_of(slo: &scenario::TypedSlo) -> Slo {
    let objective = |one: &scenario::TypedObjective| Objective {
        measure: Measure::named(one.measure).expect("every objective of a scenario is a measure of the lab"),
        class: one.class.clone(),
        side: match one.bound.side {
            scenario::BoundSide::Below => GoodSide::Below,
            scenario::BoundSide::Above => GoodSide::Above,
        },
        inclusive: one.bound.inclusive,
        bound: one.bound.value,
    };
    Slo { objectives: slo.objectives.iter().map(objective).collect(), worlds: slo.worlds.clone() }
}

/// How a command ends whose objectives were judged so.
pub fn exit(verdict: Verdict) -> Result<(), Problem> {
    match verdict {
        Verdict::Met => Ok(()),
        Verdict::Missed => Err(Problem::Missed),
        Verdict::Open => Err(Problem::Undecided),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_objective_of_the_format_is_a_measure() {
        for (name, _) in Measure::NAMED {
            let bound = match name {
                "throughput" => "> 1/s",
                "jain" => "> 0.5",
                "served" => "> 5%",
                "errors" | "cpu" | "busiest_process_cpu" => "< 5%",
                _ => "< 1s",
            };
            let text = format!(
                "version = 1\ntitle = \"x\"\n[run]\nlength = \"9s\"\n[slo]\n{name} = \"{bound}\"\n[machine]\ncores = 1\n\
                 [world.a]\nworker = \"gunicorn-sync\"\n[client.c]\nrate = \"1/s\"\n[request.r]\nsteps = [{{ burn = \"1ms\" }}]\n"
            );
            let parsed = scenario::parse(&text, "s.toml", &[]).unwrap();
            let compiled = scenario::compile(&parsed, &mut |_| Err(String::new())).unwrap();
            let slo = slo_of(compiled.slo.as_ref().unwrap());
            assert_eq!(slo.objectives[0].measure.name(), name);
        }
    }
}
