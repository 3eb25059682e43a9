//! Docker Compose files and Kubernetes manifests: how many replicas, how much CPU, and which command.
//!
//! After the Compose specification (deploy, cpus, command) and Kubernetes 1.34 (apps/v1 Deployment and StatefulSet, autoscaling/v2).

use saphyr::{LoadableYamlNode, Yaml};
use serde_json::{Map, Value};

use super::command::world_of_command;
use super::world::ServingWorld;

/// Bytes of a manifest.
const MANIFEST_MAX: usize = 4 * 1024 * 1024;
/// Levels of a document.
const DEPTH_MAX: usize = 100;

/// The worlds of a file of YAML; `None` if it is no manifest, an error with its line if it is no YAML.
pub fn manifests(text: &str, file: &str) -> Result<Option<Vec<ServingWorld>>, (u64, String)> {
    if text.len() > MANIFEST_MAX || is_too_deep(text) {
        return Ok(None);
    }
    let documents = Yaml::load_from_str(text).map_err(|error| {
        let line = error.marker().line() as u64;
        (line, format!("it is no YAML: {error}"))
    })?;
    let documents: Vec<Value> = documents.iter().map(|document| json_of(document, 0)).collect();
    let (mut worlds, mut known) = (Vec::new(), false);
    for document in &documents {
        if let Some(services) = document.get("services").and_then(Value::as_object) {
            known = true;
            worlds.extend(services.iter().filter_map(|(name, service)| compose(name, service, file)));
        }
        let kind = document.get("kind").and_then(Value::as_str);
        if kind.is_some() && document.get("apiVersion").is_some() {
            known = true;
            worlds.extend(kubernetes(document, file));
        }
    }
    for document in &documents {
        autoscaler(document, file, &mut worlds);
    }
    Ok(known.then_some(worlds))
}

/// Deep documents are refused before they are walked: walkers of trees call themselves.
fn is_too_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    for line in text.lines() {
        let indent = line.bytes().take_while(|byte| matches!(byte, b' ' | b'-' | b'?' | b'\t')).count();
        for byte in line.bytes() {
            match byte {
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        if depth > DEPTH_MAX || indent > 2 * DEPTH_MAX {
            return true;
        }
    }
    false
}

fn json_of(yaml: &Yaml<'_>, depth: usize) -> Value {
    if depth > 2 * DEPTH_MAX {
        return Value::Null;
    }
    if let Some(text) = yaml.as_str() {
        return Value::String(text.to_owned());
    }
    if let Some(number) = yaml.as_integer() {
        return Value::from(number);
    }
    if let Some(number) = yaml.as_floating_point() {
        return Value::from(number);
    }
    if let Some(flag) = yaml.as_bool() {
        return Value::from(flag);
    }
    if let Some(list) = yaml.as_sequence() {
        return list.iter().map(|item| json_of(item, depth + 1)).collect();
    }
    if let Some(mapping) = yaml.as_mapping() {
        let mut map = Map::new();
        for (key, value) in mapping {
            let key = key.as_str().map_or_else(|| key.as_integer().unwrap_or_default().to_string(), str::to_owned);
            map.insert(key, json_of(value, depth + 1));
        }
        return Value::Object(map);
    }
    Value::Null
}

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, key| value.get(key))
}

fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A command that is a text or a list of words.
fn command(value: Option<&Value>) -> String {
    match value {
        Some(Value::Array(words)) => {
            let words: Vec<String> = words.iter().map(written).collect();
            shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default()
        }
        Some(Value::String(text)) => text.clone(),
        Some(_) | None => String::new(),
    }
}

/// Variables that a server reads, before its command as a shell has them.
fn environment(value: Option<&Value>) -> String {
    let wanted = ["WEB_CONCURRENCY", "GUNICORN_CMD_ARGS"];
    let pairs: Vec<(String, String)> = match value {
        Some(Value::Object(map)) => map.iter().map(|(key, value)| (key.clone(), written(value))).collect(),
        Some(Value::Array(list)) => list.iter().filter_map(variable).collect(),
        Some(_) | None => Vec::new(),
    };
    let known = pairs.into_iter().filter(|(key, _)| wanted.contains(&key.as_str()));
    known.filter_map(|(key, value)| Some(format!("{key}={} ", shlex::try_quote(&value).ok()?))).collect()
}

/// `KEY=VALUE`, or Kubernetes' `{ name, value }`.
fn variable(value: &Value) -> Option<(String, String)> {
    if let Some(text) = value.as_str() {
        return text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    }
    Some((value.get("name")?.as_str()?.to_owned(), written(value.get("value")?)))
}

fn compose(name: &str, service: &Value, file: &str) -> Option<ServingWorld> {
    let source = format!("{file}: services.{name}");
    let entry = command(service.get("entrypoint"));
    let line = format!("{}{entry} {}", environment(service.get("environment")), command(service.get("command")));
    let mut world = world_of_command(&line, &format!("{source}.command"))?;
    name.clone_into(&mut world.name);
    if let Some(replicas) = at(service, "deploy.replicas").or_else(|| service.get("scale")) {
        replicas_of(&mut world, replicas, &format!("{source}.deploy.replicas"));
    }
    if let Some(cpus) = at(service, "deploy.resources.limits.cpus").or_else(|| service.get("cpus")) {
        limit(&mut world, cpus, &format!("{source}: its CPU limit"));
    }
    Some(world)
}

fn kubernetes(document: &Value, file: &str) -> Vec<ServingWorld> {
    let kind = document.get("kind").and_then(Value::as_str).unwrap_or("");
    let name = at(document, "metadata.name").map(written).unwrap_or_default();
    let source = format!("{file}: {kind}/{name}");
    let containers = at(document, "spec.template.spec.containers").and_then(Value::as_array);
    let mut worlds = Vec::new();
    for container in containers.map_or(&[][..], Vec::as_slice) {
        let own = container.get("name").map(written).unwrap_or_default();
        let line = format!(
            "{}{} {}",
            environment(container.get("env")),
            command(container.get("command")),
            command(container.get("args"))
        );
        let place = format!("{source}, container {own}");
        let Some(mut world) = world_of_command(&line, &place) else { continue };
        world.name.clone_from(&name);
        if let Some(replicas) = at(document, "spec.replicas") {
            replicas_of(&mut world, replicas, &format!("{source}: spec.replicas"));
        }
        match at(container, "resources.limits.cpu") {
            Some(cpu) => limit(&mut world, cpu, &format!("{place}: resources.limits.cpu")),
            None => world.ask(format!("{place}: it has no CPU limit; `cores` of its node decide")),
        }
        if let Some(timeout) = at(container, "livenessProbe.timeoutSeconds") {
            world.ask(format!(
                "{place}: its liveness probe gives up after {} s: a server busier than that is restarted",
                written(timeout)
            ));
        }
        worlds.push(world);
    }
    worlds
}

fn autoscaler(document: &Value, file: &str, worlds: &mut [ServingWorld]) {
    if document.get("kind").and_then(Value::as_str) != Some("HorizontalPodAutoscaler") {
        return;
    }
    let target = at(document, "spec.scaleTargetRef.name").map(written).unwrap_or_default();
    let bound = |key: &str| at(document, &format!("spec.{key}")).map_or("?".to_owned(), written);
    let told = format!(
        "{file}: an autoscaler keeps between {} and {} replicas; the file's number is simulated",
        bound("minReplicas"),
        bound("maxReplicas")
    );
    for world in worlds.iter_mut().filter(|world| world.name == target) {
        if world.get("servers").is_none() && at(document, "spec.minReplicas").is_some() {
            replicas_of(world, &document["spec"]["minReplicas"], &format!("{file}: minReplicas of its autoscaler"));
        }
        world.ask(told.clone());
    }
}

fn replicas_of(world: &mut ServingWorld, value: &Value, source: &str) {
    match value.as_u64() {
        Some(replicas) if (1..=1_000).contains(&replicas) => world.set("servers", replicas, source),
        Some(_) | None => world.ask(format!("{source} is {}; a scenario needs 1 to 1,000", written(value))),
    }
}

fn limit(world: &mut ServingWorld, value: &Value, source: &str) {
    let text = written(value);
    let (number, scale) = text.strip_suffix('m').map_or((text.as_str(), 1.0), |number| (number, 0.001));
    match number.parse::<f64>().map(|number| number * scale) {
        Ok(cores) if cores > 0.0 && cores <= 1_024.0 => {
            world.set("cpu_limit", crate::numbers::plain(cores), source);
            world.set("cores", libm::ceil(cores) as u64, &format!("{source}, rounded up; its node may have more"));
        }
        Ok(_) | Err(_) => world.ask(format!("{source} is {text}, which is no number of cores")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worlds(text: &str) -> Vec<ServingWorld> {
        manifests(text, "deploy.yaml").unwrap().unwrap()
    }

    #[test]
    fn a_deployment_is_a_world_with_replicas_and_a_limit() {
        let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: shop\nspec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n\
                    \x20     - name: web\n        command: [gunicorn]\n        args: [-w, '2', --threads, '8', 'app:app']\n        env:\n        - {name: WEB_CONCURRENCY, value: '5'}\n\
                    \x20       resources:\n          limits:\n            cpu: 1500m\n---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n\
                    spec:\n  scaleTargetRef: {name: shop}\n  minReplicas: 3\n  maxReplicas: 9\n";
        let world = &worlds(text)[0];
        assert_eq!(
            (world.worker, world.get("processes"), world.get("threads")),
            ("gunicorn-gthread", Some("2"), Some("8"))
        );
        assert_eq!(
            (world.get("servers"), world.get("cpu_limit"), world.get("cores")),
            (Some("3"), Some("1.5"), Some("2"))
        );
        assert!(world.asked.iter().any(|asked| asked.contains("between 3 and 9")));
    }

    #[test]
    fn a_compose_file_has_its_services() {
        let text = "services:\n  db:\n    image: postgres\n  web:\n    command: gunicorn -w 4 -k gevent app:app\n    deploy:\n      replicas: 2\n      resources:\n        limits:\n          cpus: '0.5'\n";
        let found = worlds(text);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].worker, found[0].get("servers"), found[0].get("cpu_limit")),
            ("gunicorn-gevent", Some("2"), Some("0.5"))
        );
    }

    #[test]
    fn what_is_no_manifest_is_none_and_broken_yaml_has_its_line() {
        assert_eq!(manifests("a: 1\n", "x").unwrap(), None);
        assert!(manifests("a: [1\nb: 2: 3\n", "x").is_err());
        assert_eq!(manifests(&"[".repeat(100_000), "x"), Ok(None));
        assert_eq!(manifests(&"- ".repeat(100_000), "x"), Ok(None));
    }
}
