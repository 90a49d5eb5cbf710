//! From what was learnt to the file.

use std::collections::BTreeMap;

use super::names::Names;
use super::scalar::{Hash, Time};
use super::{KIND, MAX_FEEDS, VERSION, wire};
use crate::address;
use crate::baseline::map::Baselines;
use crate::baseline::peers::{Adoption, PeerValues};
use crate::baseline::{Baseline, Entry, Facet, Novelties, SLOT, Standing, Volume};
use crate::burst::{Burst, Bursts, Window};
use crate::credential::{self, Habit, Life, Snapshot};
use crate::engine::Learned;
use crate::event::{Span, Timestamp};
use crate::requests::{self, Starts};

/// All of it, each list in an order of its own.
pub(super) fn file(cluster: &str, feeds: &[String], learned: &Learned) -> wire::File {
    let Learned { requests, baselines, cluster: common } = learned;
    let names = Names::of(learned);
    let mut control_plane: Vec<_> = common.control_plane.iter().copied().collect();
    control_plane.sort_unstable();
    wire::File {
        sawatch: KIND.to_owned(),
        version: VERSION,
        cluster: cluster.to_owned(),
        feeds: feeds.iter().take(MAX_FEEDS).cloned().collect(),
        first: common.first.map(Time),
        declared: common.declared,
        epoch: common.epoch.map(Time),
        now: Time(common.clock.now),
        ahead: common.clock.ahead,
        control_plane,
        accounts: accounts(baselines),
        accounts_evicted: baselines.evicted(),
        peers: peers(&common.peers, &names),
        addresses: addresses(common.addresses.snapshot()),
        credentials: credentials(common.credentials.snapshot(), &names),
        denials: bursts(&common.denials, &names),
        spreads: bursts(&common.spreads, &names),
        surges: window(&common.surges),
        bodies: wire::Bodies { writes: common.bodies.writes, logged: common.bodies.logged },
        requests: self::requests(requests.snapshot()),
    }
}

fn requests(kept: requests::Snapshot) -> wire::Requests {
    let words = |bits| Starts::words(bits).into_iter().map(str::to_owned).collect();
    let starts =
        |kept: Starts| wire::Starts { since: Time(kept.since), seen: words(kept.seen), missed: words(kept.missed) };
    wire::Requests {
        recent: kept.recent.into_iter().map(Hash).collect(),
        older: kept.older.into_iter().map(Hash).collect(),
        recent_since: Time(kept.since[0]),
        older_since: Time(kept.since[1]),
        starts: kept.starts.into_iter().take(MAX_FEEDS).map(starts).collect(),
    }
}

fn accounts(baselines: &Baselines) -> BTreeMap<String, wire::Account> {
    let kept = |username: &str| baselines.peek(username, |baseline| account(baseline, baselines));
    baselines.usernames().iter().filter_map(|username| Some((username.to_string(), kept(username)?))).collect()
}

fn account(baseline: &Baseline, baselines: &Baselines) -> wire::Account {
    let kept = baseline.snapshot();
    let mut facets = BTreeMap::new();
    for facet in Facet::ALL {
        let values = values(baseline, facet, baselines);
        let Novelties { minutes, last, evicted } = kept.novelties[facet as usize];
        if !values.is_empty() || kept.novelties[facet as usize] != Novelties::default() {
            let facts = wire::Facet { novel_minutes: minutes, last_novel: Time(last), evicted, values };
            facets.insert(facet.as_str().to_owned(), facts);
        }
    }
    wire::Account {
        first: Time(kept.first),
        last: Time(kept.last),
        requests: kept.requests,
        chances: kept.chances,
        minutes: kept.minutes,
        hour: kept.hour,
        hour_chances: kept.hour_chances,
        epoch: Time(kept.epoch),
        silence: wire::Silence {
            longest: kept.sleep.longest,
            last_dormancy: kept.sleep.last,
            woke: Time(Timestamp(i64::from(kept.sleep.woke) * 1_000_000)),
        },
        volume: volume(kept.volume),
        facets,
    }
}

fn volume(volume: Volume) -> wire::Volume {
    let powers = volume.slots.iter().rposition(|&n| n > 0).map_or(0, |last| last + 1);
    wire::Volume {
        slot: Time(Timestamp(i64::from(volume.slot) * SLOT.0)),
        requests: volume.requests,
        slots: volume.slots[..powers].to_vec(),
        quarantined: volume.quarantined,
        days: volume.days,
        day: Time(Timestamp(i64::from(volume.day) * Span::days(1).0)),
    }
}

fn values(baseline: &Baseline, facet: Facet, baselines: &Baselines) -> Vec<wire::Value> {
    let entries: Vec<&Entry> = baseline.entries().filter(|&(f, _)| f == facet).map(|(_, entry)| entry).collect();
    let symbols: Vec<_> = entries.iter().map(|entry| entry.symbol).collect();
    let texts = baselines.texts(&symbols);
    let mut values: Vec<_> = entries.iter().zip(texts).map(|(entry, text)| value(facet, entry, text.into())).collect();
    values.sort_unstable_by(|a, b| (&a.value, a.hash).cmp(&(&b.value, b.hash)));
    values
}

fn value(facet: Facet, entry: &Entry, value: String) -> wire::Value {
    let hash = (facet.parse(&value) != Some(entry.hash())).then(|| Hash(entry.hash()));
    wire::Value {
        value,
        hash,
        count: entry.count,
        days: entry.days(),
        first: Time(entry.first()),
        last: Time(entry.last()),
        quarantined: entry.standing() == Standing::Quarantined,
        blocked: entry.is_blocked(),
        declared: entry.is_declared(),
    }
}

fn peers(peers: &PeerValues, names: &Names) -> wire::Peers {
    let member = |(&key, &accounts): (&u64, &u32)| wire::Members { pool: Hash(key).or(names.pool(key)), accounts };
    let mut members: Vec<_> = peers.members.iter().map(member).collect();
    members.sort_unstable_by(|a, b| a.pool.cmp(&b.pool));
    let mut values: Vec<_> = peers.adoptions.iter().map(|(&key, &adoption)| spread(key, adoption, names)).collect();
    values.sort_unstable();
    let mut known: Vec<_> = peers.known.iter().map(|(&key, &accounts)| known_to(key, accounts, names)).collect();
    known.sort_unstable();
    wire::Peers { members, values, known, overflow: peers.overflow }
}

fn spread(key: u64, adoption: Adoption, names: &Names) -> wire::Adoption {
    let Adoption { accounts, wave, in_wave } = adoption;
    let name = names.adoption(key);
    wire::Adoption {
        facet: name.map(|(facet, _)| facet.as_str().to_owned()),
        value: name.map_or_else(|| Hash(key).to_string(), |(_, value)| value.to_owned()),
        accounts,
        in_wave,
        wave: Time(wave),
    }
}

fn known_to(key: u64, accounts: u32, names: &Names) -> wire::Known {
    let name = names.known(key);
    wire::Known {
        pool: name.map(|(pool, ..)| pool.to_owned()),
        facet: name.map(|(_, facet, _)| facet.as_str().to_owned()),
        value: name.map_or_else(|| Hash(key).to_string(), |(.., value)| value.to_owned()),
        accounts,
    }
}

fn addresses(kept: address::Snapshot) -> wire::Addresses {
    let network =
        |(network, arrivals): (address::Network, u32)| wire::Network { network: network.to_string(), arrivals };
    wire::Addresses {
        arrivals: kept.arrivals,
        node_joined: Time(kept.node_joined),
        awaited: kept.awaited,
        networks: kept.networks.into_iter().map(network).collect(),
    }
}

fn credentials(kept: Snapshot, names: &Names) -> wire::Credentials {
    let by_kind = |(kind, habit): (credential::Kind, Habit)| habit_of(kind.as_str().to_owned(), habit);
    let by_account = |(key, habit): (u64, Habit)| habit_of(Hash(key).or(names.account(key)), habit);
    let mut of_accounts: Vec<_> = kept.sharing_of_accounts.into_iter().map(by_account).collect();
    of_accounts.sort_unstable_by(|a, b| a.of.cmp(&b.of));
    let ids: BTreeMap<u64, &str> =
        kept.lives.iter().filter(|life| is_whole(life)).map(|life| (life.key, &*life.id)).collect();
    let tenant = |(ip, tenant): (_, credential::Tenant)| wire::Tenant {
        ip,
        pod: tenant.pod.into(),
        node: tenant.node.into(),
        credential: Hash(tenant.credential).or(ids.get(&tenant.credential).copied()),
    };
    let caller = |(ip, id)| wire::Caller { ip, credential: Hash(id).or(ids.get(&id).copied()) };
    wire::Credentials {
        first: kept.first.map(Time),
        evicted: kept.evicted,
        moves: wire::Moves { credentials: kept.moves.credentials, exceptions: kept.moves.exceptions },
        sharing: kept.sharing.into_iter().map(by_kind).collect(),
        unissued: kept.unissued.into_iter().map(by_kind).collect(),
        sharing_of_accounts: of_accounts,
        tenants: kept.tenants.into_iter().map(tenant).collect(),
        callers: kept.callers.into_iter().map(caller).collect(),
        lives: kept.lives.iter().map(|life| self::life(life, names)).collect(),
    }
}

fn is_whole(life: &Life) -> bool {
    credential::key(&life.id) == life.key
}

const fn habit_of(of: String, habit: Habit) -> wire::Habit {
    wire::Habit { of, credentials: habit.credentials, exceptions: habit.exceptions }
}

fn life(life: &Life, names: &Names) -> wire::Life {
    let client = |&hash: &u64| Hash(hash).or(names.value(Facet::Agent, hash));
    let issue = |(by, at): &(Box<str>, Timestamp)| wire::Issue { by: by.to_string(), at: Time(*at) };
    let used = |used: &credential::Use| wire::Use {
        ip: used.ip,
        count: used.count,
        first: Time(used.first),
        last: Time(used.last),
        days: used.days,
        quarantined: used.quarantined && !used.blocked,
        blocked: used.blocked,
    };
    wire::Life {
        id: life.id.to_string(),
        hash: (!is_whole(life)).then_some(Hash(life.key)),
        account: life.account.map(|key| Hash(key.get()).or(names.account(key.get()))),
        kind: life.kind.map(|kind| kind.as_str().to_owned()),
        issued: life.issued.as_ref().map(issue),
        suspect: life.is_suspect,
        first: Time(life.first),
        last: Time(life.last),
        expires: life.expires.map(Time),
        refused: life.refused.as_deref().map(|refusal| wire::Refusal { at: Time(refusal.at), ip: refusal.ip }),
        clients: life.clients.iter().map(client).collect(),
        uses: life.uses.iter().map(used).collect(),
    }
}

fn bursts(bursts: &Bursts, names: &Names) -> Vec<wire::Burst> {
    let mut all: Vec<_> = bursts.open.iter().map(|(&key, burst)| self::burst(key, burst, names)).collect();
    all.sort_unstable();
    all
}

fn burst(key: u64, burst: &Burst, names: &Names) -> wire::Burst {
    let address = names.address(key);
    wire::Burst {
        address,
        account: address.is_none().then(|| Hash(key).or(names.account(key))),
        windows: burst.windows.iter().map(window).collect(),
    }
}

fn window(window: &Window) -> wire::Window {
    wire::Window {
        usual: window.usual,
        start: Time(window.start),
        count: window.count,
        things: window.things.iter().copied().map(Hash).collect(),
    }
}
