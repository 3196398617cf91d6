//! The arithmetic compared with a bill that was calculated by hand from the same prices: two consumers, invocations of up to a
//! second, 2 GB, and two writes, two lists and three reads each.

use super::*;

fn by_hand(events: f64, batch: f64) -> Workload {
    Workload {
        events,
        event_bytes: 500.0,
        batch,
        consumers: 2.0,
        seconds: 0.2,
        operations: Operations { writes: 2.0, lists: 2.0, reads: 3.0 },
        timers: Vec::new(),
        memory_gb: 2.0,
        throughput_units: None,
        always_ready_instances: 0.0,
        private_endpoints: 0.0,
        stored_fraction: 0.0,
        log_bytes_per_execution: 0.0,
    }
}

fn usd(bill: &Bill, meter: &str) -> f64 {
    bill.lines.iter().filter(|line| line.meter.starts_with(meter)).map(|line| line.usd).sum()
}

fn cents(usd: f64) -> i64 {
    (usd * 100.0).round() as i64
}

fn arguments(text: &str) -> Arguments {
    use clap::Parser;
    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        arguments: Arguments,
    }
    Alone::try_parse_from(std::iter::once("cost").chain(text.split(' '))).expect("good arguments").arguments
}

#[test]
fn a_further_million_events_costs_less_the_larger_the_batch() {
    let prices = Prices::read().expect("prices");
    let further = |batch| cents(by_hand(30e6, batch).bill(&prices).usd_per_further_million_events);
    assert_eq!([50.0, 200.0, 500.0, 1_000.0].map(further), [297, 76, 32, 18]);
}

#[test]
fn a_month_of_thirty_million_events() {
    let bill = by_hand(30e6, 200.0).bill(&Prices::read().expect("prices"));
    assert_eq!(cents(usd(&bill, "Functions")), 1302);
    assert_eq!(cents(usd(&bill, "Event Hubs")), 2274);
    assert_eq!(cents(usd(&bill, "storage")), 636);
    assert_eq!(bill.usd.round() as i64, 42);
    assert_eq!(cents(bill.usd_per_million_events), 140);
}

#[test]
fn an_instance_that_is_always_ready() {
    let mut workload = by_hand(30e6, 200.0);
    workload.always_ready_instances = 1.0;
    let bill = workload.bill(&Prices::read().expect("prices"));
    assert_eq!(usd(&bill, "Functions, always ready").round() as i64, 21);
}

#[test]
fn throughput_units_follow_what_is_scarcest() {
    let of = |events_per_second: f64, bytes: f64, consumers: f64| {
        let events = events_per_second * SECONDS_PER_MONTH;
        Workload { event_bytes: bytes, consumers, ..by_hand(events, 200.0) }.needed_throughput_units()
    };
    assert_eq!(of(1.0, 500.0, 1.0), 1.0);
    assert_eq!(of(2_500.0, 100.0, 1.0), 3.0, "events in");
    assert_eq!(of(500.0, 5_000.0, 1.0), 3.0, "bytes in");
    assert_eq!(of(500.0, 1_999.0, 5.0), 3.0, "bytes out");
    assert_eq!(of(3_000.0, 10.0, 6.0), 5.0, "events out");
}

#[test]
fn what_the_timers_do_is_in_the_bill() {
    let workload = workload(&arguments("--events-per-second 0.001 --batch 1")).expect("a workload");
    let bill = workload.bill(&Prices::read().expect("prices"));
    // There are almost no events. The rest is sessionize, every 30 s for at least a second.
    let executions = bill.lines.iter().find(|line| line.meter == "Functions, executions").expect("a line").quantity;
    assert!((90_000.0..91_000.0).contains(&executions), "{executions}");
    assert!(usd(&bill, "storage, lists") > 1.0);
}

#[test]
fn a_rate_that_is_too_high_for_sessionize_is_reported() {
    let said = |text: &str| {
        let arguments = arguments(text);
        let prices = Prices::read().expect("prices");
        assumptions(&arguments, &workload(&arguments).expect("a workload"), &prices).join("\n")
    };
    assert!(said("--events-per-second 2000").contains("fall behind"));
    assert!(!said("--events-per-second 2000 --sessionize-every 10").contains("fall behind"));
}

#[test]
fn every_price_has_a_source_and_a_date_no_later_than_the_whole() {
    let prices = Prices::read().expect("prices");
    for line in by_hand(1.0, 1.0).bill(&prices).lines {
        assert!(!line.price_source.is_empty(), "{}", line.meter);
        let first_of_month = format!("{}-01", line.price_date.get(..7).expect("a year and a month"));
        assert!(first_of_month.parse::<chrono::NaiveDate>().is_ok(), "{}: {}", line.meter, line.price_date);
        // Dates in this format sort as text.
        assert!(line.price_date <= prices.as_of, "{}", line.meter);
    }
}
