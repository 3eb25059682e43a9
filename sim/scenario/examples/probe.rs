//! scratch
fn main() {
    let path = std::env::args().nth(1).unwrap_or_default();
    if path == "ref" {
        print!("{}", scenario::reference());
        return;
    }
    if path == "schema" {
        println!("{}", serde_json::to_string_pretty(&scenario::schema()).unwrap_or_default());
        return;
    }
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let o: Vec<_> = std::env::args()
        .skip(2)
        .filter_map(|a| a.split_once('=').map(|(k, v)| scenario::Override { key: k.into(), value: v.into() }))
        .collect();
    match scenario::parse(&text, &path, &o) {
        Ok(s) => {
            let c = scenario::compile(&s, &mut |_| Err("no such file".into()));
            match c {
                Ok(c) => {
                    for w in &c.warnings {
                        println!("{}", w.plain(&text));
                    }
                    println!("{:#?}", c.models[0]);
                    println!("{:?} {:?}", c.shaded, c.concurrency);
                }
                Err(l) => {
                    for d in l {
                        println!("{}", d.plain(&text));
                    }
                }
            }
        }
        Err(l) => {
            for d in l {
                println!("{}", d.plain(&text));
            }
        }
    }
}
