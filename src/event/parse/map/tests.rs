//! Maps as settings: what they say, what is wrong with them, and that they read back.

use super::*;

mod any_event;
mod ready;

fn map(fields: &str) -> EventMap {
    EventMap::read_fields(fields).unwrap()
}

fn problems(fields: &str) -> Vec<String> {
    EventMap::read_fields(fields).unwrap_err()
}

fn types(text: &str) -> EventTypes {
    EventTypes::read(text).unwrap()
}

#[test]
fn a_map_reads_back_from_its_texts() {
    let own = r#"{"value":["/v","/w"],"user_id":"/user/id","product_id":"/items/*/[a=b~1c]/sku","ip_address":[]}"#;
    for fields in ["ga4", "segment", own, r#"{"extends":"ga4","user_id":"/uid"}"#, "{}"] {
        let whole = map(fields).with_types(types(r#"{" Bought ":" Purchase ","é\"":"x"}"#));
        let again = match whole.fields_text() {
            text if text.is_empty() => EventMap::default(),
            text => map(&text),
        };
        assert_eq!(again.with_types(types(&whole.types_text())), whole, "{fields}");
    }
    assert_eq!(
        map(own).fields_text(),
        r#"{"ip_address":[],"product_id":["/items/*/[a=b~1c]/sku"],"user_id":["/user/id"],"value":["/v","/w"]}"#
    );
    assert_eq!(types(r#"{" É B":" Purchase ","a":"x"}"#).to_string(), r#"{"a":"x","é b":"Purchase"}"#);
    let nothing = EventMap::default();
    assert_eq!((nothing.fields_text(), nothing.types_text()), (String::new(), String::new()));
    assert!(!map("{}").names_fields() && map("ga4").names_fields());
}

#[test]
fn a_map_may_start_from_a_ready_one() {
    let extended = map(r#"{"user_id":"/customer/id","extends":"GA4","cart_size":"/cart"}"#);
    let (ready, paths) = (map(" ga4 "), |path: &str| vec![Path::parse(path).unwrap()]);
    let mut expected = ready.fields.clone();
    expected.extend([(Field::UserId, paths("/customer/id")), (Field::CartSize, paths("/cart"))]);
    assert_eq!(extended.fields, expected);
    assert_eq!(extended.types, ready.types);
    let types = extended.with_types(types(r#"{"Begin_Checkout":"funnel","x":"refund"}"#)).types;
    assert_eq!((types.of(" BEGIN_checkout "), types.of("X")), (Some("funnel"), Some("refund")));
    assert_eq!((types.of("view_search_results"), types.of("purchase")), (Some("search"), None));
}

#[test]
fn every_wrong_entry_is_named_with_what_is_wrong() {
    let wrong = r#"{"user_id":"user/id","usr_id":"/a","client_id":"/c","value":7,"timestamp":["/t",null],
        "page_url":["/ok","/b~"],"extends":"ga5","os":"/a","os":"/b"}"#;
    let expected = [
        "entry `extends`: expected `ga4`, `segment`",
        "entry `user_id`: path `user/id` must start with `/`",
        "entry `usr_id`: is no field, did you mean `user_id`?",
        "entry `client_id`: is another name of `anonymous_id`, name that",
        "entry `value`: expected a path or a list of paths",
        "entry `timestamp`: expected a path or a list of paths",
        "entry `page_url`: path `/b~` has a step `b~`, in which `~` is not followed by `0` or `1`",
        "entry `os`: is there twice",
    ];
    assert_eq!(problems(wrong), expected);
    for (name, nearest) in
        [("userId", "user_id"), ("eventType", "event_type"), ("sku", "os"), ("Timestamp", "timestamp")]
    {
        let expected = format!("entry `{name}`: is no field, did you mean `{nearest}`?");
        assert_eq!(problems(&format!(r#"{{"{name}":"/x"}}"#)), [expected]);
    }
}

#[test]
fn a_text_that_is_no_map_is_shown_with_what_is_expected() {
    let expected = r#"expected `ga4`, `segment` or a JSON object such as `{"user_id":"/user/id"}`"#;
    for text in ["ga5", "\"ga4\"", "[]"] {
        assert_eq!(problems(text), [format!("is `{text}`, {expected}")]);
    }
    assert_eq!(problems(r#"{"user_id":"/a""#), ["is not JSON: EOF while parsing an object at line 1 column 15"]);
    let expected = r#"is `checkout`, expected a JSON object such as `{"begin_checkout":"checkout"}`"#;
    assert_eq!(EventTypes::read("checkout"), Err(vec![expected.to_owned()]));
}

#[test]
fn wrong_event_types_are_named() {
    let long = "n".repeat(513);
    let wrong = format!(r#"{{"a":1,"A":"x"," a ":"y"," ":"x","b":" ","c":"{long}"}}"#);
    let expected = [
        "entry `a`: expected the name of an event",
        "entry ` a `: is there twice",
        "entry ` `: a name is empty",
        "entry `b`: a name is empty",
        "entry `c`: a name has more than 512 bytes",
    ];
    assert_eq!(EventTypes::read(&wrong).unwrap_err(), expected);
}

#[test]
fn a_map_is_bounded() {
    let paths = |count: usize, bytes: usize| {
        let paths: Vec<String> = (0..count).map(|number| format!("/{number:0>bytes$}")).collect();
        serde_json::json!({ "user_id": paths }).to_string()
    };
    assert!(EventMap::read_fields(&paths(32, 1_000)).is_ok());
    assert_eq!(problems(&paths(33, 1)), ["entry `user_id`: has 33 paths, more than 32"]);
    assert_eq!(problems(&paths(32, 4_000)), ["has 128141 bytes when written out, more than 65536"]);
    let shown = format!("/{}", "0".repeat(79));
    let expected = format!("entry `user_id`: path `{shown}` has 5001 bytes, more than 4096");
    assert_eq!(problems(&paths(1, 5_000)), [expected]);
}
