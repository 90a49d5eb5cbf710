//! An audit log of a made-up cluster, the same for the same seed: shaped like the lab's events, of any size.
//!
//! Nine in ten events are service accounts' (leader election, gets, lists, watches, updates), the rest are kubelets',
//! the control plane's, health checks and a few people's. Tokens rotate every 48 minutes, pods are replaced once a day,
//! and a few accounts an hour begin to do something new.

mod account;
mod random;
mod record;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Write};

use account::{Account, CONTROL_PLANE, KUBELET, Other, PERSON};
use random::{Random, Uuid};
use record::{Deed, Record, Requester};
use sawatch::event::{Span, Timestamp};

/// 2026-11-02T00:00:00Z
const START: i64 = 1_793_577_600_000_000;

/// Events of one service account in a second, on average.
const RATE: f64 = 0.1;

/// How long a watch lasts.
const WATCH: Span = Span::minutes(7);

/// How long a kubelet leaves a token in its pod.
const TOKEN: Span = Span::minutes(48);

/// How many accounts of the cluster begin to do something new in an hour.
const NOVELTIES: f64 = 4.0;

/// A watch that goes on.
struct Watch {
    ends: i64,
    began: i64,
    id: Uuid,
    account: usize,
    pod: usize,
    habit: usize,
}

/// A cluster at one moment, and the end of its log.
pub(crate) struct Generator {
    random: Random,
    now: i64,
    accounts: Vec<Account>,
    nodes: Vec<Other>,
    people: Vec<Other>,
    control_plane: [Other; 2],
    watches: VecDeque<Watch>,
    /// The lines that were not taken yet.
    lines: String,
    written: u64,
}

impl Generator {
    /// A cluster of so many service accounts; a node for each twenty of them.
    pub(crate) fn new(seed: u64, accounts: usize) -> Self {
        let mut random = Random::new(seed);
        let nodes = accounts.div_ceil(20).max(3);
        Self {
            now: START,
            accounts: (0..accounts).map(|n| Account::new(&mut random, n, accounts, nodes)).collect(),
            nodes: (0..nodes).map(|n| Other::node(&mut random, n)).collect(),
            people: (0..4 + accounts / 500).map(|n| Other::person(&mut random, n)).collect(),
            control_plane: ["kube-controller-manager", "kube-scheduler"].map(|n| Other::component(&mut random, n)),
            watches: VecDeque::new(),
            lines: String::new(),
            written: 0,
            random,
        }
    }

    /// Writes the next events, each a line: `events` of them, or a few more.
    pub(crate) fn write(&mut self, events: u64, out: &mut impl Write) -> io::Result<()> {
        let until = self.written + events;
        while self.written < until {
            self.step();
            if self.lines.len() > 1 << 16 {
                out.write_all(self.lines.as_bytes())?;
                self.lines.clear();
            }
        }
        out.write_all(self.lines.as_bytes())?;
        self.lines.clear();
        Ok(())
    }

    /// The lines in which the service account of this number does once from each of its pods whatever it does.
    #[allow(dead_code, reason = "not every benchmark wants to know accounts one by one")]
    pub(crate) fn round(&mut self, account: usize) -> String {
        for pod in 0..self.accounts[account].pods.len() {
            self.rotate(account, pod);
            for habit in 0..self.accounts[account].habits.len() {
                self.request(account, pod, habit);
            }
            // what the generator keeps must not count as what the engine keeps
            self.accounts[account].forget_token(pod);
        }
        self.watches.clear();
        std::mem::take(&mut self.lines)
    }

    fn step(&mut self) {
        let rate = RATE * self.accounts.len() as f64;
        self.now += self.random.below((2e6 / rate) as usize + 1) as i64;
        while self.watches.front().is_some_and(|watch| watch.ends <= self.now) {
            self.end_watch();
        }
        if self.random.once_in((rate * 3_600.0 / NOVELTIES) as usize + 1) {
            let account = self.random.below(self.accounts.len());
            self.accounts[account].pick_up(&mut self.random);
        }
        match self.random.below(1_000) {
            0..900 => self.workload(),
            900..965 => self.kubelet(),
            965..980 => self.component(),
            980..993 => self.health_check(),
            _ => self.person(),
        }
    }

    /// A service account's usual request.
    fn workload(&mut self) {
        let account = self.random.below(self.accounts.len());
        let pod = self.random.below(self.accounts[account].pods.len());
        // an account's events in a day
        if self.random.once_in((RATE * 86_400.0) as usize) {
            self.accounts[account].roll_out(&mut self.random, pod, self.nodes.len());
        }
        let old = self.accounts[account].pods[pod].issued.is_none_or(|issued| self.now - issued > TOKEN.0);
        if old {
            self.rotate(account, pod);
        }
        let habits = self.accounts[account].habits.len();
        let habit = if self.random.below(10) < 4 { self.random.below(2) } else { self.random.below(habits) };
        self.request(account, pod, habit);
    }

    fn request(&mut self, account: usize, pod: usize, habit: usize) {
        let id = self.random.uuid();
        let deed = &self.accounts[account].habits[habit].0;
        if deed.verb == "watch" && deed.code == 200 {
            self.workload_record(id, "ResponseStarted", (account, pod, habit), self.now);
            self.watches.push_back(Watch { ends: self.now + WATCH.0, began: self.now, id, account, pod, habit });
        } else {
            self.workload_record(id, "ResponseComplete", (account, pod, habit), self.now);
        }
    }

    fn end_watch(&mut self) {
        if let Some(Watch { began, id, account, pod, habit, .. }) = self.watches.pop_front() {
            self.workload_record(id, "ResponseComplete", (account, pod, habit), began);
        }
    }

    fn workload_record(
        &mut self,
        id: Uuid,
        stage: &'static str,
        (account, pod, habit): (usize, usize, usize),
        began: i64,
    ) {
        let account = &self.accounts[account];
        let (deed, agent) = &account.habits[habit];
        // one request in a hundred fails for what is there
        let code = match deed.verb {
            "get" if self.random.once_in(200) => 404,
            "update" if self.random.once_in(100) => 409,
            _ => deed.code,
        };
        let deed = &Deed { code, ..deed.clone() };
        let by = &Requester {
            username: &account.username,
            identity: &account.pods[pod].identity,
            address: &account.pods[pod].address,
            agent: &account.agents[*agent],
            reason: &account.reason,
        };
        let received = Timestamp(began);
        let at = Timestamp(self.now + 2_000 + self.random.below(4_000) as i64);
        push(&mut self.lines, &Record { id, stage, deed, by, received, at, issued: None });
        self.written += 1;
    }

    /// The kubelet of a pod asks for its next token.
    fn rotate(&mut self, account: usize, pod: usize) {
        let token = self.random.uuid();
        let Account { namespace, name, .. } = &self.accounts[account];
        let (namespace, name) = (namespace.clone(), name.clone());
        let deed = Deed { verb: "create", api: "v1", resource: "serviceaccounts/token", namespace, name, code: 201 };
        let node = self.accounts[account].pods[pod].node;
        let id = self.random.uuid();
        other_record(&mut self.lines, &self.nodes[node], &deed, (id, self.now), Some(token));
        self.written += 1;
        self.accounts[account].take_token(pod, token, &self.nodes, self.now);
    }

    fn kubelet(&mut self) {
        let node = self.random.below(self.nodes.len());
        let (verb, api, resource) = KUBELET[self.random.below(KUBELET.len())];
        let team = self.random.below(self.accounts.len()) / 8;
        let name = self.nodes[node].name.clone();
        let namespace = match resource {
            "leases" => "kube-node-lease".to_owned(),
            "nodes" | "nodes/status" => String::new(),
            _ => format!("team-{team}"),
        };
        let deed = Deed { verb, api, resource, namespace, name, code: 200 };
        let id = self.random.uuid();
        other_record(&mut self.lines, &self.nodes[node], &deed, (id, self.now), None);
        self.written += 1;
    }

    fn component(&mut self) {
        let (verb, api, resource) = CONTROL_PLANE[self.random.below(CONTROL_PLANE.len())];
        let component = &self.control_plane[self.random.below(self.control_plane.len())];
        let account = &self.accounts[self.random.below(self.accounts.len())];
        let namespace = if resource == "leases" { "kube-system" } else { &*account.namespace }.to_owned();
        let name = if resource == "leases" { &component.name } else { &account.name }.clone();
        let deed = Deed { verb, api, resource, namespace, name, code: 200 };
        other_record(&mut self.lines, component, &deed, (self.random.uuid(), self.now), None);
        self.written += 1;
    }

    /// A person looks at their team's workloads.
    fn person(&mut self) {
        let index = self.random.below(self.people.len());
        let (verb, api, resource) = PERSON[self.random.below(PERSON.len())];
        let account = &self.accounts[(index * 8 + self.random.below(8)) % self.accounts.len()];
        let name = if verb == "get" { account.name.clone() } else { String::new() };
        let deed = Deed { verb, api, resource, namespace: account.namespace.clone(), name, code: 200 };
        other_record(&mut self.lines, &self.people[index], &deed, (self.random.uuid(), self.now), None);
        self.written += 1;
    }

    fn health_check(&mut self) {
        let resource = if self.random.once_in(2) { "/livez" } else { "/readyz" };
        let deed = &Deed { verb: "get", api: "", resource, namespace: String::new(), name: String::new(), code: 200 };
        let by = &Requester {
            username: "system:anonymous",
            identity: r#","groups":["system:unauthenticated"]"#,
            address: &self.nodes[self.random.below(3)].address,
            agent: "kube-probe/1.36",
            reason: "",
        };
        let (received, at, id) = (Timestamp(self.now), Timestamp(self.now + 900), self.random.uuid());
        push(&mut self.lines, &Record { id, stage: "ResponseComplete", deed, by, received, at, issued: None });
        self.written += 1;
    }
}

fn other_record(lines: &mut String, other: &Other, deed: &Deed, (id, now): (Uuid, i64), issued: Option<Uuid>) {
    let Other { username, identity, address, agent, .. } = other;
    let by = &Requester { username, identity, address, agent, reason: "" };
    let (received, at) = (Timestamp(now), Timestamp(now + 3_100));
    push(lines, &Record { id, stage: "ResponseComplete", deed, by, received, at, issued });
}

fn push(lines: &mut String, record: &Record<'_>) {
    writeln!(lines, "{record}").expect("a string takes everything");
}
