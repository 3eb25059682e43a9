//! What a file says of retries and of a proxy's next server reaches the model.

use crate::text;

use engine::Model;

fn model(client: &str, proxy: &str) -> Model {
    let text = format!(
        "version = 1\ntitle = \"T\"\n[run]\nlength = \"10s\"\n[machine]\ncores = 2\n[world.w]\nworker = \"uwsgi-threads\"\n\
         threads = 4\n[client.c]\nrate = \"1/s\"\n{client}\n[proxy]\n{proxy}\n[request.page]\nsteps = [{{ burn = \"1ms\" }}]\n"
    );
    text::compile(&text).unwrap_or_else(|said| panic!("{said}")).models.remove(0)
}

/// Which of no connection, a refused one, no response in time and an error are tried again: by clients, by the proxy.
fn tried_again(client: &str, proxy: &str) -> [[bool; 4]; 2] {
    let model = model(client, proxy);
    let retry = model.clients[0].retry.clone().expect("a retry");
    let proxy = model.proxy.expect("a proxy");
    [
        [retry.on_connect, retry.on_refused, retry.on_timeout, retry.on_error],
        [proxy.on_connect, proxy.on_refused, proxy.on_timeout, proxy.on_error],
    ]
}

#[test]
fn by_default_all_is_tried_again_but_an_error_as_the_response() {
    assert_eq!(tried_again("retry = {}", ""), [[true, true, true, false]; 2]);
}

#[test]
fn each_word_stands_for_one_kind_of_failure() {
    for (at, word) in ["connect", "refused", "timeout", "error"].into_iter().enumerate() {
        let expected = std::array::from_fn(|other| other == at);
        let said = tried_again(&format!("retry = {{ on = [\"{word}\"] }}"), &format!("next_upstream = [\"{word}\"]"));
        assert_eq!(said, [expected; 2], "{word}");
    }
}
