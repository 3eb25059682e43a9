//! The JSON Schema of a scenario file, made from the key tables: for editors that complete and check TOML.
//!
//! It knows types, units, ranges and words. What takes several keys together (overlapping windows, names that
//! refer to nothing) is left to `tailback check`.

use serde_json::{Map, Value, json};

use crate::reader::key::{KeyKind, KeyTable, NameGroup, Presence, TableKey};
use crate::reader::law_text;
use crate::reader::raw::{self, Raw, RawValue};
use crate::tables::step;
use crate::whole::root;
use crate::words::limits;

/// The JSON Schema (draft 2020-12) of a scenario file.
pub fn schema() -> Value {
    let mut defs = Map::new();
    values(&mut defs);
    let mut schema = table(&root::ROOT, &mut defs);
    let steps: Vec<Value> = step::STEPS
        .iter()
        .map(|step| {
            let name = def_name(step);
            let body = table(step, &mut defs);
            defs.insert(name.clone(), body);
            json!({ "$ref": format!("#/$defs/{name}") })
        })
        .collect();
    defs.insert("step".into(), json!({ "description": "What a request does next.", "oneOf": steps }));
    let root = schema.as_object_mut().expect("a table's schema is an object");
    root.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("title".into(), json!("tailback scenario"));
    root.insert("$defs".into(), Value::Object(defs));
    schema
}

const DURATION: &str = r"\s*[0-9]+(\.[0-9]*)?\s*(ns|us|µs|μs|ms|s|m|min|h)\s*";

fn values(defs: &mut Map<String, Value>) {
    let laws: Vec<String> = law_text::FORMS.iter().map(|(form, meaning)| format!("\"{form}\": {meaning}")).collect();
    let forms: Vec<&str> = law_text::FORMS.iter().map(|(form, _)| *form).collect();
    defs.insert(
        "duration".into(),
        json!({
            "description": "A number and a unit: ns, us, ms, s, m, h.",
            "type": "string",
            "pattern": format!("^{DURATION}$"),
            "examples": ["8ms", "1.5s"],
        }),
    );
    defs.insert(
        "law".into(),
        json!({
            "description": format!("A duration, or a law of random durations. {}.", laws.join("; ")),
            "type": "string",
            "pattern": format!(r"^({DURATION}|\s*(exp|uniform|lognormal|pareto|empirical)\s*\(.*\)\s*)$"),
            "examples": forms,
        }),
    );
    defs.insert(
        "rate".into(),
        json!({
            "description": "Requests a unit of time: /s, /m, /h.",
            "type": "string",
            "pattern": r"^\s*[0-9]+(\.[0-9]*)?\s*/\s*(s|m|min|h)\s*$",
            "examples": ["300/s"],
        }),
    );
}

fn def_name(table: &KeyTable) -> String {
    let noun = table.noun.trim_start_matches("a ").trim_start_matches("an ").trim_start_matches("the ");
    let step = if step::STEPS.iter().any(|step| std::ptr::eq(*step, table)) { "step-" } else { "" };
    format!("{step}{}", noun.replace(' ', "-"))
}

/// A reference to a table's schema, which is added to the definitions at first sight.
fn reference(table_of: &'static KeyTable, defs: &mut Map<String, Value>) -> Value {
    let name = def_name(table_of);
    if !defs.contains_key(&name) {
        defs.insert(name.clone(), Value::Null);
        let body = table(table_of, defs);
        defs.insert(name.clone(), body);
    }
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn table(table: &'static KeyTable, defs: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut beside = Map::new();
    for key in table.keys {
        properties.insert(key.name.to_owned(), property(key, defs));
        if matches!(key.need, Presence::Required) {
            required.push(key.name);
        }
        if !key.beside.is_empty() {
            let any: Vec<Value> = key.beside.iter().map(|other| json!({ "required": [other] })).collect();
            beside.insert(key.name.to_owned(), json!({ "anyOf": any }));
        }
    }
    let mut schema = json!({
        "description": table.doc,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !beside.is_empty() {
        schema["dependentSchemas"] = Value::Object(beside);
    }
    schema
}

fn property(key: &'static TableKey, defs: &mut Map<String, Value>) -> Value {
    let mut schema = kind(key.kind, defs);
    schema["description"] = json!(format!("{} ({})", key.doc, plain_words(key.kind)));
    schema["examples"] = json!([snippet(key.example)]);
    match key.need {
        Presence::Required => {}
        Presence::Default(text) => schema["default"] = snippet(text),
        Presence::Else(words) => schema["$comment"] = json!(format!("If not given: {words}.")),
    }
    schema
}

fn plain_words(kind: KeyKind) -> String {
    match kind {
        KeyKind::Duration | KeyKind::Positive => format!("{} with a unit, in quotes", kind.words()),
        KeyKind::Rate => "rate with a unit, in quotes".to_owned(),
        _ => kind.words().replace('`', ""),
    }
}

fn kind(kind: KeyKind, defs: &mut Map<String, Value>) -> Value {
    match kind {
        KeyKind::Text | KeyKind::Name(_) => json!({ "type": "string" }),
        KeyKind::File => json!({ "type": "string", "minLength": 1 }),
        KeyKind::Flag => json!({ "type": "boolean" }),
        KeyKind::FlagOrName(_) => json!({ "type": ["boolean", "string"] }),
        KeyKind::Count(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        KeyKind::Counts(many, low, high) => json!({
            "type": "array",
            "items": { "type": "integer", "minimum": low, "maximum": high },
            "minItems": many,
            "maxItems": many,
        }),
        KeyKind::Number(low, high) => json!({ "type": "number", "minimum": low, "maximum": high }),
        KeyKind::Duration | KeyKind::Positive => json!({ "$ref": "#/$defs/duration" }),
        KeyKind::DurationOr(word) => json!({ "anyOf": [{ "const": word }, { "$ref": "#/$defs/duration" }] }),
        KeyKind::Law => json!({ "$ref": "#/$defs/law" }),
        KeyKind::Rate => json!({ "$ref": "#/$defs/rate" }),
        KeyKind::CpuTime => json!({ "anyOf": [
            { "type": "number", "minimum": limits::CPU_LEAST, "maximum": limits::CORES },
            { "type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]*)?\s*m?\s*$" },
        ] }),
        KeyKind::Profile(point) => {
            let points = list(reference(point, defs));
            json!({ "anyOf": [{ "$ref": "#/$defs/rate" }, points] })
        }
        KeyKind::OneOf(words) => json!({ "enum": words() }),
        KeyKind::SomeOf(words) => {
            json!({ "type": "array", "items": { "enum": words() }, "uniqueItems": true })
        }
        KeyKind::Names(_) => {
            json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true })
        }
        KeyKind::Table(table) => reference(table, defs),
        KeyKind::Named(table, group) => json!({
            "type": "object",
            "propertyNames": { "pattern": "^[^/#]+$", "maxLength": limits::NAME_CHARS },
            "maxProperties": if group == NameGroup::World { limits::WORLDS } else { limits::NAMED },
            "additionalProperties": reference(table, defs),
        }),
        KeyKind::Each(table, _) => json!({ "type": "object", "additionalProperties": reference(table, defs) }),
        KeyKind::Bound(goal) => json!({ "type": "string", "pattern": goal.pattern() }),
        KeyKind::Ranges => json!({
            "type": "object",
            "additionalProperties": { "anyOf": [
                { "type": "string", "pattern": r"^\s*[0-9]+\s*\.\.=?\s*[0-9]+\s*(/\s*[0-9]+\s*)?$" },
                { "type": "array", "items": { "type": ["string", "number", "boolean"] }, "minItems": 1, "uniqueItems": true },
            ] },
        }),
        KeyKind::List(table) => list(reference(table, defs)),
        KeyKind::Steps => json!({ "type": "array", "items": { "$ref": "#/$defs/step" } }),
    }
}

fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items, "maxItems": limits::POINTS })
}

/// A TOML value of a key table as JSON.
fn snippet(text: &str) -> Value {
    let raw = raw::read_single(&format!("x = {text}")).expect("examples and defaults in the key tables are TOML");
    to_json(&raw)
}

/// A TOML tree as JSON.
pub(crate) fn to_json(raw: &Raw) -> Value {
    match &raw.value {
        RawValue::Table(items) => {
            Value::Object(items.iter().map(|item| (item.key.clone(), to_json(&item.raw))).collect())
        }
        RawValue::Array(array) => Value::Array(array.iter().map(to_json).collect()),
        RawValue::Text(text) => json!(text),
        RawValue::Integer(number) => json!(i64::try_from(*number).unwrap_or(i64::MAX)),
        RawValue::Float(number) => json!(number),
        RawValue::Flag(flag) => json!(flag),
        RawValue::Date => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::starter::starter;
    use crate::words::diagnostic::Findings;
    use crate::words::source::Sources;

    fn json_of(text: &str) -> Value {
        let mut findings = Findings::default();
        let raw = raw::read(0, &Sources::new("s.toml", text), &mut findings);
        assert!(!findings.failed());
        to_json(&raw)
    }

    fn refuses(text: &str) -> bool {
        let validator = jsonschema::validator_for(&schema()).expect("the schema is one");
        !validator.is_valid(&json_of(text))
    }

    #[test]
    fn it_is_a_schema_of_the_draft_it_names() {
        jsonschema::meta::validate(&schema()).expect("the schema is one");
        assert_eq!(schema(), schema());
    }

    #[test]
    fn it_accepts_what_is_shipped() {
        let shipped = [
            include_str!("../../../../scenarios/startup/ab-waves.toml"),
            include_str!("../../../../scenarios/startup/slow-third-party.toml"),
            include_str!("../../../../scenarios/pinterest/cpu-hog.toml"),
            include_str!("../../../../scenarios/pinterest/critical-section.toml"),
            include_str!("../../../../scenarios/pinterest/shared-socket.toml"),
            include_str!("../../../../scenarios/mixpanel/patching.toml"),
            include_str!("../../../../scenarios/patterns/fan-out.toml"),
            include_str!("../../../../scenarios/patterns/lock-and-queue.toml"),
            include_str!("../../../../scenarios/patterns/offload.toml"),
            include_str!("../../../../scenarios/patterns/sizing.toml"),
            include_str!("../../tests/mistakes/base.toml"),
            &starter("schema"),
        ];
        let validator = jsonschema::validator_for(&schema()).expect("the schema is one");
        for text in shipped {
            let said: Vec<String> = validator.iter_errors(&json_of(text)).map(|error| error.to_string()).collect();
            assert_eq!(said, Vec::<String>::new());
        }
    }

    #[test]
    fn it_refuses_what_the_reader_refuses_of_types_units_words_and_keys() {
        let good = starter("schema");
        assert!(!refuses(&good));
        let slips = [
            ("length = \"60s\"", "length = 60"),
            ("length = \"60s\"", "length = \"60\""),
            ("length = \"60s\"", "length = \"60 sec\""),
            ("threads = 20", "thraeds = 20"),
            ("worker = \"uwsgi-gevent\"", ""),
            ("worker = \"uwsgi-gevent\"", "worker = \"uwsgi\""),
            ("cores = 2", "cores = 0"),
            ("chance = 0.5", "chance = 1.5"),
            ("rate = \"50/s\"", "rate = \"50\""),
            ("\"exp(500ms)\"", "\"normal(500ms)\""),
            ("{ burn = \"1ms\" }", "{ bunr = \"1ms\" }"),
            ("{ burn = \"1ms\" }", "{ burn = \"1ms\", sleep = \"1ms\" }"),
            ("patience = ", "# "),
            ("{ burn = \"1ms\" }", "{ fan = 0, steps = [] }"),
            ("{ burn = \"1ms\" }", "{ timeout = \"1s\" }"),
            ("{ burn = \"1ms\" }", "{ clear = \"ready\", timeout = \"1s\" }"),
            ("{ burn = \"1ms\" }", "{ offload = 20 }"),
            ("[request.report]", "[queue.jobs]\nsize = 0\n[request.report]"),
            ("[request.report]", "[event.ready]\nset = true\n[request.report]"),
            ("[request.report]", "[offload]\nthreads = 0\n[request.report]"),
            ("[request.report]", "[value.x]\nsize = 1\n[request.report]"),
            ("[request.report]", "[connection.x]\nper = \"thread\"\n[request.report]"),
            ("[request.report]", "[slo]\np99 = \"> 1s\"\n[request.report]"),
            ("[request.report]", "[slo]\nerrors = \"< 0.01\"\n[request.report]"),
            ("[request.report]", "[slo.class.report]\ncpu = \"< 80%\"\n[request.report]"),
            ("[request.report]", "[plan.vary]\n\"machine.cores\" = \"1-4\"\n[request.report]"),
            ("[request.report]", "[software]\nlibraries = [\"redi\"]\n[request.report]"),
        ];
        for (from, to) in slips {
            assert!(good.contains(from), "{from}");
            assert!(refuses(&good.replace(from, to)), "{to}");
        }
    }

    #[test]
    fn every_example_and_default_in_the_key_tables_fits_its_own_schema() {
        let schema = schema();
        let mut checked = 0;
        for def in schema["$defs"].as_object().expect("definitions").values().chain([&schema]) {
            for property in def["properties"].as_object().into_iter().flat_map(Map::values) {
                let mut alone = property.clone();
                alone["$defs"] = schema["$defs"].clone();
                let validator = jsonschema::validator_for(&alone).expect("a property is a schema");
                let values = property["examples"].as_array().into_iter().flatten().chain(property.get("default"));
                for value in values {
                    assert!(validator.is_valid(value), "{value} in {property}");
                    checked += 1;
                }
            }
        }
        assert!(checked > 80, "{checked} checked");
    }
}
