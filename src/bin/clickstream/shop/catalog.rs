//! Fixed tables: what the shop sells, and who visits it. No text in them needs escaping in JSON.
//!
//! A change here changes the bytes of every seed.

pub struct Product {
    pub id: &'static str,
    pub name: &'static str,
    pub brand: &'static str,
    pub category: &'static str,
    pub price_cents: u32,
}

const fn product(
    id: &'static str,
    name: &'static str,
    brand: &'static str,
    category: &'static str,
    price_cents: u32,
) -> Product {
    Product { id, name, brand, category, price_cents }
}

#[rustfmt::skip]
pub const PRODUCTS: [Product; 40] = [
    product("LAPTOP-XPS15-2024", "Dell XPS 15", "Dell", "Laptops", 189_999),
    product("LAPTOP-XPS13-2024", "Dell XPS 13", "Dell", "Laptops", 129_900),
    product("LAPTOP-MBP14-2024", "MacBook Pro 14", "Apple", "Laptops", 199_900),
    product("LAPTOP-MBA13-2024", "MacBook Air 13", "Apple", "Laptops", 109_900),
    product("LAPTOP-T14G5-2024", "ThinkPad T14 Gen 5", "Lenovo", "Laptops", 154_950),
    product("LAPTOP-ZEN14-2024", "ZenBook 14", "Asus", "Laptops", 99_999),
    product("PHONE-IP15-128", "iPhone 15 128 GB", "Apple", "Phones", 79_900),
    product("PHONE-IP15P-256", "iPhone 15 Pro 256 GB", "Apple", "Phones", 109_900),
    product("PHONE-S24-256", "Galaxy S24 256 GB", "Samsung", "Phones", 85_999),
    product("PHONE-A55-128", "Galaxy A55 128 GB", "Samsung", "Phones", 43_949),
    product("PHONE-PX8-128", "Pixel 8 128 GB", "Google", "Phones", 69_900),
    product("PHONE-FP5-256", "Fairphone 5", "Fairphone", "Phones", 64_900),
    product("TABLET-IPADAIR-2024", "iPad Air 11", "Apple", "Tablets", 59_900),
    product("TABLET-TABS9-2023", "Galaxy Tab S9", "Samsung", "Tablets", 71_995),
    product("TABLET-KINDLE-2024", "Kindle Paperwhite", "Amazon", "Tablets", 15_999),
    product("AUDIO-WH1000XM5", "WH-1000XM5", "Sony", "Audio", 34_995),
    product("AUDIO-WF1000XM5", "WF-1000XM5", "Sony", "Audio", 27_999),
    product("AUDIO-QC45", "QuietComfort 45", "Bose", "Audio", 27_950),
    product("AUDIO-APPRO2", "AirPods Pro 2", "Apple", "Audio", 24_900),
    product("AUDIO-FLIP6", "Flip 6", "JBL", "Audio", 11_999),
    product("TV-OLEDC3-55", "OLED evo C3 55", "LG", "TV", 119_700),
    product("TV-QN90C-65", "Neo QLED QN90C 65", "Samsung", "TV", 159_795),
    product("TV-STICK4K-2023", "Fire TV Stick 4K", "Amazon", "TV", 5_999),
    product("WATCH-AW9-45", "Watch Series 9", "Apple", "Wearables", 42_900),
    product("WATCH-GW6-44", "Galaxy Watch 6", "Samsung", "Wearables", 28_449),
    product("WATCH-FR265", "Forerunner 265", "Garmin", "Wearables", 44_999),
    product("CAMERA-A7IV", "Alpha 7 IV", "Sony", "Cameras", 229_900),
    product("CAMERA-EOSR10", "EOS R10", "Canon", "Cameras", 97_999),
    product("CAMERA-HERO12", "HERO12 Black", "GoPro", "Cameras", 34_999),
    product("GAMES-PS5-SLIM", "PlayStation 5 Slim", "Sony", "Games", 49_999),
    product("GAMES-SWITCH-OLED", "Switch OLED", "Nintendo", "Games", 34_900),
    product("GAMES-DUALSENSE", "DualSense", "Sony", "Games", 6_999),
    product("MONITOR-U2723QE", "UltraSharp 27 4K", "Dell", "Monitors", 57_949),
    product("MONITOR-27GP850", "UltraGear 27", "LG", "Monitors", 32_999),
    product("KEYBOARD-MXKEYS", "MX Keys S", "Logitech", "Accessories", 10_999),
    product("MOUSE-MXM3S", "MX Master 3S", "Logitech", "Accessories", 9_999),
    product("WEBCAM-C920", "C920 HD Pro", "Logitech", "Accessories", 6_949),
    product("SSD-990PRO-2TB", "990 PRO 2 TB", "Samsung", "Storage", 16_990),
    product("SSD-T7-1TB", "T7 Portable 1 TB", "Samsung", "Storage", 9_495),
    product("CABLE-USBC-1M", "USB-C Cable 1 m", "Anker", "Accessories", 1_299),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Person,
    Bot,
}

/// The program that a visitor uses.
pub struct Agent {
    pub browser: &'static str,
    pub os: &'static str,
    pub device_type: &'static str,
    pub kind: Kind,
}

const fn person(browser: &'static str, os: &'static str, device_type: &'static str) -> Agent {
    Agent { browser, os, device_type, kind: Kind::Person }
}

const fn bot(browser: &'static str) -> Agent {
    Agent { browser, os: "Other", device_type: "desktop", kind: Kind::Bot }
}

/// With their weights: mostly short names of browsers, some user agents as browsers send them, a few bots.
#[rustfmt::skip]
pub const AGENTS: [(u32, Agent); 16] = [
    (240, person("Chrome", "Windows", "desktop")),
    (170, person("Chrome", "Android", "mobile")),
    (170, person("Safari", "iOS", "mobile")),
    (80, person("Safari", "macOS", "desktop")),
    (70, person("Firefox", "Windows", "desktop")),
    (30, person("Firefox", "Linux", "desktop")),
    (60, person("Edge", "Windows", "desktop")),
    (20, person("Opera", "Windows", "desktop")),
    (30, person("Safari", "iPadOS", "tablet")),
    (40, person("Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
        AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36", "Windows", "desktop")),
    (25, person("Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) \
        AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1", "iOS", "mobile")),
    (15, person("Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
        AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0", "Windows", "desktop")),
    (10, person("Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0", "Linux", "desktop")),
    (10, person("Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
        AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36 OPR/105.0.0.0", "Windows", "desktop")),
    (20, bot("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")),
    (10, bot("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)")),
];

/// Countries and cities, with their weights.
#[rustfmt::skip]
pub const PLACES: [(u32, (&str, &str)); 14] = [
    (140, ("United States", "New York")),
    (90, ("United States", "San Francisco")),
    (70, ("United States", "Austin")),
    (120, ("United Kingdom", "London")),
    (40, ("United Kingdom", "Leeds")),
    (90, ("Germany", "Berlin")),
    (60, ("Germany", "München")),
    (80, ("Poland", "Kraków")),
    (80, ("France", "Paris")),
    (60, ("Spain", "Madrid")),
    (60, ("Brazil", "São Paulo")),
    (50, ("India", "Bengaluru")),
    (40, ("Japan", "東京")),
    (20, ("Australia", "Sydney")),
];

/// With their weights: names as campaigns set them, and URLs as browsers send them.
#[rustfmt::skip]
pub const REFERRALS: [(u32, &str); 9] = [
    (300, "direct"),
    (250, "google"),
    (90, "facebook"),
    (80, "instagram"),
    (80, "newsletter"),
    (60, "twitter"),
    (90, "https://www.google.com/"),
    (30, "https://duckduckgo.com/"),
    (20, "https://news.example.com/gadgets?week=2"),
];

/// Three networks that are reserved for documentation, and a private one.
pub const NETWORKS: [&str; 4] = ["192.0.2", "198.51.100", "203.0.113", "10.20.30"];
