//! Addresses as they are sent, and what we keep of each.

use super::*;
use proptest::prelude::*;

fn page(text: &str) -> (String, Option<String>) {
    let location = Location::of_page(text, None);
    (location.text, location.domain)
}

#[test]
fn s3_absolute_addresses_give_their_host_relative_ones_none_or_the_site() {
    assert_eq!(page("https://shop.example/cart"), ("https://shop.example/cart".into(), Some("shop.example".into())));
    assert_eq!(page("/cart"), ("/cart".into(), None));
    let on_site = Location::of_page("/cart?step=2#top", Some("shop.example"));
    assert_eq!(on_site.text, "/cart?step=2#top");
    assert_eq!(on_site.domain.as_deref(), Some("shop.example"));
    assert_eq!(Location::of_page("/cart", Some(" ")).domain, None, "never an empty domain");
}

#[test]
fn a_web_address_is_cleaned_up_to_its_host_and_no_further() {
    let cases = [
        ("HTTPS://Shop.Example/A?b=C#D", "https://shop.example/A?b=C#D", "shop.example"),
        ("http://shop.example:8080/a", "http://shop.example:8080/a", "shop.example"),
        ("http://shop.example:080/a", "http://shop.example/a", "shop.example"),
        ("https://shop.example:80/a", "https://shop.example:80/a", "shop.example"),
        ("//shop.example:443/a", "//shop.example:443/a", "shop.example"),
        ("http://shop.example:/a", "http://shop.example/a", "shop.example"),
        ("https://me:p@ss@shop.example/a@b", "https://shop.example/a@b", "shop.example"),
        ("https://shop.example./a", "https://shop.example/a", "shop.example"),
        (
            "https://shop.example?q=http://other.example/",
            "https://shop.example?q=http://other.example/",
            "shop.example",
        ),
        ("https://shop.example#f", "https://shop.example#f", "shop.example"),
        ("https://shop.example", "https://shop.example", "shop.example"),
        ("//CDN.example/x", "//cdn.example/x", "cdn.example"),
        ("  https://shop.example/a b%20c \n", "https://shop.example/a b%20c", "shop.example"),
        ("https://xn--mnchen-3ya.de/x", "https://münchen.de/x", "münchen.de"),
        ("https://MÜNCHEN.de/x", "https://münchen.de/x", "münchen.de"),
        ("https://m%C3%BCnchen.de/x", "https://münchen.de/x", "münchen.de"),
        ("https://例え.テスト/パス", "https://例え.テスト/パス", "例え.テスト"),
        ("http://192.168.0.1:80/x", "http://192.168.0.1/x", "192.168.0.1"),
        ("http://[2001:DB8::1]:8080/x", "http://[2001:db8::1]:8080/x", "[2001:db8::1]"),
        ("http://localhost:3000/", "http://localhost:3000/", "localhost"),
        ("http://a_b.example/", "http://a_b.example/", "a_b.example"),
    ];
    for (sent, text, domain) in cases {
        assert_eq!(page(sent), (text.to_owned(), Some(domain.to_owned())), "{sent}");
    }
}

#[test]
fn a_query_gives_the_first_value_of_each_name_decoded() {
    let values = |address| query_values(address, ["a", "b"]).map(|value| value.unwrap_or_else(|| "-".into()));
    let cases = [
        ("https://shop.example/?a=1&b=2", ["1", "2"]),
        ("/relative?b=caf%C3%A9+au%20lait", ["-", "café au lait"]),
        ("?a=&a=%20&a=x&a=y#?b=z", ["x", "-"]),
        ("/x?%61=1;b=2", ["1;b=2", "-"]),
        ("/x?a", ["-", "-"]),
        ("/x?a=%ff%zz", ["\u{fffd}%zz", "-"]),
        ("/x#?a=1", ["-", "-"]),
        ("", ["-", "-"]),
    ];
    for (address, expected) in cases {
        assert_eq!(values(address), expected, "{address}");
    }
}

#[test]
fn what_is_no_web_address_is_kept_as_sent() {
    let too_long = format!("https://{}/", "ü".repeat(1_000));
    let cases = [
        "http://",
        "http:///path",
        "http://./x",
        "http://a../x",
        "http://a..example/x",
        "http://.a/x",
        "http://ü。。de/x",
        "http://user@/x",
        "http://shop.example:99999/",
        "http://shop.example:80a/",
        "http://sh op.example/",
        "http://[::1/x",
        "http://1.2.3.4.5/",
        "http:shop.example/x",
        "android-app://com.example.App:5/x",
        "file:///etc/hosts",
        "mailto:a@b.example",
        "javascript:void(0)",
        "about:blank",
        "https://xn--/",
        &too_long,
    ];
    for sent in cases {
        assert_eq!(page(sent), (sent.to_owned(), None), "{sent}");
    }
}

#[test]
fn a_referrer_is_a_word_or_an_address() {
    let word = Location::of_referrer("google");
    assert_eq!((word.text.as_str(), word.domain), ("google", None));
    let address = Location::of_referrer("https://me:secret@www.Google.com/search?q=shoes");
    assert_eq!(address.text, "https://www.google.com/search?q=shoes");
    assert_eq!(address.domain.as_deref(), Some("www.google.com"));
}

#[test]
fn punycode_becomes_letters_only_if_it_can_become_punycode_again() {
    // The letters of this host look like punycode themselves; read again, they would be no valid host.
    let not_shown = page("https://xn--xn---mnchen-3ye.example/").1;
    assert_eq!(not_shown.as_deref(), Some("xn--xn---mnchen-3ye.example"));
    assert_eq!(page("https://xn--mnchen-3ya.example/").1.as_deref(), Some("münchen.example"));
}

#[test]
fn a_host_longer_than_a_name_can_be_is_none() {
    let host = format!("xn--zzzexitzzzzzzzzzz{}", "a".repeat(240));
    assert_eq!(page(&format!("https://{host}/")).1, None);
}

#[test]
fn segments_are_of_the_path_alone() {
    let cases: [(&str, &[&str]); 9] = [
        ("/products/LAPTOP?x=/a/b", &["products", "LAPTOP"]),
        ("/products/", &["products"]),
        ("//products//x/", &["x"]),
        ("https://products/x", &["x"]),
        ("https://shop.example", &[]),
        ("https://shop.example?u=/product/1", &[]),
        ("app://shop/product/1#/y", &["product", "1"]),
        ("product/1", &["product", "1"]),
        ("/a//b", &["a", "b"]),
    ];
    for (address, segments) in cases {
        assert_eq!(path_segments(address).collect::<Vec<_>>(), segments, "{address}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read(text in "\\PC*") {
        let location = Location::of_page(&text, Some("site.example"));
        prop_assert!(location.domain.is_none_or(|domain| !domain.is_empty()));
        path_segments(&text).count();
    }

    #[test]
    fn cleaning_twice_is_cleaning_once(
        text in "(https?:)?//([a-zA-Z:]{0,6}@)?[a-zA-Z0-9ßéÜ例%.-]{1,20}(:[0-9]{0,5})?(/[a-z?#/@:]{0,10})?"
    ) {
        let once = Location::of_page(&text, None);
        prop_assert_eq!(Location::of_page(&once.text, None), once);
    }
}
