//! All visitors at once. Visits begin at random, more of them in the evening than at night; whoever is due next acts
//! next. Time is the shop's own, in microseconds since its start.

use super::catalog::{AGENTS, Agent, NETWORKS, PLACES, REFERRALS};
use super::dice::{Dice, scramble};
use super::visit::Visit;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

pub const HOUR_MICROS: u64 = 3_600_000_000;
const VISITS_PER_USER_AND_DAY: u64 = 2;
/// Visits by hour of the day, in per mille of the mean. Where the shop starts at midnight UTC this is the UTC hour.
#[rustfmt::skip]
const DAILY_CURVE: [u64; 24] = [
    450, 320, 240, 200, 210, 290, 450, 680, 900, 1_060, 1_150, 1_210,
    1_270, 1_230, 1_190, 1_200, 1_260, 1_390, 1_560, 1_740, 1_790, 1_640, 1_270, 800,
];
/// Of the users, how many were customers before the stream begins.
const KNOWN_BEFORE: f64 = 0.5;

/// What stays the same during one visit.
pub struct Client {
    pub user_id: String,
    pub session_id: String,
    pub agent: &'static Agent,
    pub place: (&'static str, &'static str),
    pub referral_source: &'static str,
    pub ip_address: String,
    pub is_new_user: bool,
}

/// One thing that one visitor does. Acts are numbered in order of their time.
pub struct Act {
    pub number: u64,
    pub at: u64,
    pub client: Arc<Client>,
    pub visit: Visit,
}

pub struct Crowd {
    seed: u64,
    users: u64,
    dice: Dice,
    /// By when the next step is due, then by who came first.
    visitors: BTreeMap<(u64, u64), (Arc<Client>, Visit)>,
    next_arrival: u64,
    arrivals: u64,
    acts: u64,
    seen_users: HashSet<u64>,
}

impl Crowd {
    pub fn new(seed: u64, users: u32) -> Self {
        Crowd {
            seed,
            users: u64::from(users.max(1)),
            dice: Dice::new(seed),
            visitors: BTreeMap::new(),
            next_arrival: 0,
            arrivals: 0,
            acts: 0,
            seen_users: HashSet::new(),
        }
    }

    /// There is always a next act: the shop never closes.
    pub fn next_act(&mut self) -> Act {
        while self.visitors.first_key_value().is_none_or(|((due, _), _)| *due > self.next_arrival) {
            self.arrive();
        }
        let ((at, visitor), (client, visit)) = self.visitors.pop_first().expect("somebody has just arrived");
        let act = Act { number: self.acts, at, client: Arc::clone(&client), visit: visit.clone() };
        self.acts += 1;
        let mut visit = visit;
        let due = at + visit.think(client.agent.visitor, &mut self.dice);
        if visit.advance(client.agent.visitor, &mut self.dice).is_some() {
            self.visitors.insert((due, visitor), (client, visit));
        }
        act
    }

    fn arrive(&mut self) {
        let at = self.next_arrival;
        let client = self.client();
        let visit = Visit::begin(&mut self.dice);
        self.visitors.insert((at, self.arrivals), (Arc::new(client), visit));
        self.arrivals += 1;
        let mean_gap = 24 * HOUR_MICROS / (self.users * VISITS_PER_USER_AND_DAY);
        let hour = (at / HOUR_MICROS % 24) as usize;
        self.next_arrival = at + self.dice.wait(mean_gap * 1_000 / DAILY_CURVE[hour]).max(1);
    }

    /// A user keeps the device, the place and the address; a visit has its own referral. Some come more often.
    fn client(&mut self) -> Client {
        let user = self.dice.below(self.users).min(self.dice.below(self.users));
        let mut of_user = Dice::new(scramble(self.seed) ^ user);
        let agent = of_user.weighted(&AGENTS);
        let place = *of_user.weighted(&PLACES);
        let ip_address = format!("{}.{}", of_user.pick(&NETWORKS), 1 + of_user.below(254));
        let referral_source: &&str = self.dice.weighted(&REFERRALS);
        let known_before = of_user.chance(KNOWN_BEFORE);
        Client {
            // An odd factor keeps different users different.
            user_id: format!("user_{:08x}", (user as u32).wrapping_mul(0x9e37_79b1) ^ scramble(self.seed) as u32),
            session_id: format!("session_{:012x}", self.dice.bits() >> 16),
            agent,
            place,
            referral_source,
            ip_address,
            is_new_user: self.seen_users.insert(user) && !known_before,
        }
    }
}
