//! A member of a consumer group: what is ours, where each partition begins, and what is given back.
//!
//! Every callback runs on the thread that polls, so the lock is only ever taken without contention; it is never held
//! while polling.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, Statistics, TopicPartitionList};
use tracing::{debug, info, warn};

use super::partition::{Partition, Safe};
use super::settings::KafkaSettings;
use super::trouble::Trouble;
use super::{Id, IdRef, cluster, feed_name};
use crate::source::kafka::log;
use crate::source::live::{Refused, SourceContext, Standing};
use crate::text::Text;

/// How long a partition that is taken away is kept until what was read of it is safe.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the brokers may take to say what is committed.
const ANSWER: Duration = Duration::from_secs(5);

/// What the callbacks and the polling thread know.
pub(super) struct Member {
    settings: KafkaSettings,
    cx: SourceContext,
    state: Mutex<State>,
}

struct State {
    ours: HashMap<Id, Partition>,
    /// Up to where the inbox took a partition while it was ours before.
    given: HashMap<Id, u64>,
    safe: Receiver<Safe>,
    sender: Sender<Safe>,
    trouble: Trouble,
}

impl State {
    fn settle(&mut self, Safe { id, next }: Safe) {
        if let Some(partition) = self.ours.get_mut(&id) {
            partition.keep(next);
        }
    }

    /// Takes the acks that came.
    fn settle_all(&mut self) {
        while let Ok(safe) = self.safe.try_recv() {
            self.settle(safe);
        }
    }

    /// Waits until all that was handed over of some partitions is safe; false if that takes too long.
    fn wait_until_settled(&mut self, ids: &[Id]) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.settle_all();
            if ids.iter().filter_map(|id| self.ours.get(id)).all(Partition::is_settled) {
                return true;
            }
            let Ok(safe) = self.safe.recv_timeout(deadline.saturating_duration_since(Instant::now())) else {
                return false;
            };
            self.settle(safe);
        }
    }

    /// Has what is safe committed within a second; the list must not outlive this, or dropping the consumer never ends.
    fn store<C: Consumer<Member>>(&mut self, consumer: &C) {
        let mut list = TopicPartitionList::new();
        for (id, partition) in self.ours.iter_mut().filter(|(_, partition)| partition.is_news()) {
            let next = partition.kept.and_then(|next| i64::try_from(next).ok()).map(Offset::Offset);
            if next.is_some_and(|next| list.add_partition_offset(&id.topic, id.partition, next).is_ok()) {
                partition.stored = partition.kept;
            }
        }
        if list.count() > 0
            && let Err(error) = consumer.store_offsets(&list)
        {
            debug!("offsets are not stored: {error}");
        }
    }
}

impl Member {
    pub(super) fn new(settings: KafkaSettings, cx: SourceContext) -> Self {
        let (sender, safe) = channel();
        let state = State { ours: HashMap::new(), given: HashMap::new(), safe, sender, trouble: Trouble::default() };
        let member = Self { settings, cx, state: Mutex::new(state) };
        // before there is any partition, this is where it can be seen that brokers are down
        _ = member.cx.board.feed(&member.name());
        member
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self) -> String {
        format!("kafka:{}", self.settings.name)
    }

    /// Takes a record.
    pub(super) fn take(&self, consumer: &BaseConsumer<Self>, message: &BorrowedMessage<'_>) {
        let mut state = self.state();
        if state.trouble.record_came() {
            self.stand(&state, &Standing::Reading);
            info!("kafka source {}: reading again", self.settings.name);
        }
        let id = IdRef { topic: message.topic(), partition: message.partition() };
        let (Some(partition), Ok(offset)) = (state.ours.get_mut(&id), u64::try_from(message.offset())) else { return };
        if let Some(value) = message.payload() {
            partition.take(offset, cluster(&self.settings.cluster, message), value);
        } else {
            partition.pass(offset);
        }
        if partition.is_full() {
            _ = self.hand_over(consumer, partition);
        }
    }

    /// Hands over what is due, and has Kafka told what is safe.
    pub(super) fn turn(&self, consumer: &BaseConsumer<Self>) -> Result<(), Refused> {
        let mut state = self.state();
        state.settle_all();
        state.store(consumer);
        state.ours.values_mut().try_for_each(|partition| self.hand_over(consumer, partition))
    }

    /// A partition whose batch finds no room is not fetched until it does.
    fn hand_over(&self, consumer: &BaseConsumer<Self>, partition: &mut Partition) -> Result<(), Refused> {
        if partition.hand_over(&self.cx.inbox) == Err(Refused::Closed) {
            return Err(Refused::Closed);
        }
        if partition.is_full() == partition.is_paused {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        list.add_partition(&partition.id.topic, partition.id.partition);
        let outcome = if partition.is_full() { consumer.pause(&list) } else { consumer.resume(&list) };
        match outcome {
            Ok(()) => partition.is_paused = partition.is_full(),
            Err(error) => debug!("{} can be neither paused nor resumed: {error}", partition.feed()),
        }
        Ok(())
    }

    /// Says how it stands of the source and all that is ours.
    fn stand(&self, state: &State, standing: &Standing) {
        self.cx.board.feed(&self.name()).stand(standing.clone());
        for partition in state.ours.values() {
            partition.status.stand(standing.clone());
        }
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let committed = consumer.committed_offsets(list.clone(), ANSWER).unwrap_or_else(|error| {
            warn!("kafka source {}: committed offsets are not known: {error}", self.settings.name);
            TopicPartitionList::new()
        });
        let mut state = self.state();
        for mut element in list.elements() {
            let id = Id { topic: element.topic().into(), partition: element.partition() };
            let committed = committed.find_partition(element.topic(), element.partition());
            let committed = committed.and_then(|committed| match committed.offset() {
                Offset::Offset(next) => u64::try_from(next).ok(),
                _ => None,
            });
            let partition = self.begin(&state, id.clone(), committed);
            if let Some(next) = partition.next().and_then(|next| i64::try_from(next).ok()) {
                let outcome = element.set_offset(Offset::Offset(next));
                debug!("{} begins at {next}: {outcome:?}", partition.feed());
            }
            state.ours.insert(id, partition);
        }
        if !state.ours.is_empty() {
            state.trouble.clear();
            self.stand(&state, &Standing::Reading);
        }
    }

    /// A partition at its place: what was read of it is known here, and in Kafka if another member had it in between.
    /// Kafka's offset is behind whatever store it comes from, so the larger one repeats nothing and loses nothing.
    fn begin(&self, state: &State, id: Id, committed: Option<u64>) -> Partition {
        let feed = feed_name(&self.settings.name, &id);
        let ours = state.given.get(&id).copied();
        let ours = ours.or_else(|| self.cx.checkpoint.position(&feed).map(|position| position.offset));
        let status = self.cx.board.feed(&feed);
        Partition::new(id, feed.into(), status, state.sender.clone(), ours.max(committed))
    }

    /// Gives partitions back: whoever has them next begins behind what we keep.
    fn release(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let elements = list.elements();
        let ids: Vec<Id> = elements.iter().map(|e| Id { topic: e.topic().into(), partition: e.partition() }).collect();
        let mut state = self.state();
        // what is lost already belongs to another
        if !consumer.assignment_lost() {
            if !state.wait_until_settled(&ids) {
                warn!(
                    "kafka source {}: partitions go to another before all is safe: it will be read twice",
                    self.settings.name
                );
            }
            state.store(consumer);
            match consumer.commit_consumer_state(CommitMode::Sync) {
                Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
                Err(error) => warn!("kafka source {}: offsets are not committed: {error}", self.settings.name),
            }
        }
        for id in ids {
            let Some(partition) = state.ours.remove(&id) else { continue };
            self.cx.board.remove(partition.feed());
            if let Some(given) = partition.given {
                state.given.insert(id, given);
            }
        }
    }
}

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        let mut state = self.state();
        for (topic, partition, known) in statistics
            .topics
            .iter()
            .flat_map(|(name, topic)| topic.partitions.iter().map(move |(p, known)| (name, p, known)))
        {
            if let Some(ours) = state.ours.get_mut(&IdRef { topic, partition: *partition }) {
                // the last stable offset is as far as records can be read while a transaction is open
                ours.measure(known.lo_offset, if known.ls_offset < 0 { known.hi_offset } else { known.ls_offset });
            }
        }
        if statistics.brokers.values().any(|broker| broker.state == "UP") && state.trouble.brokers_answer() {
            self.stand(&state, &Standing::Reading);
            info!("kafka source {}: brokers answer again", self.settings.name);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let mut state = self.state();
        let Some(code) = error.rdkafka_error_code() else { return };
        if let Some(said) = state.trouble.hear(code, reason) {
            warn!("kafka source {}: {said}", self.settings.name);
            if state.trouble.is_everywhere() {
                self.stand(&state, &Standing::Waiting(said));
            } else {
                self.cx.board.feed(&self.name()).stand(Standing::Waiting(said));
            }
        }
    }
}

impl ConsumerContext for Member {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let is_cooperative = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        let outcome = if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.assign(consumer, list);
            if is_cooperative { consumer.incremental_assign(list) } else { consumer.assign(list) }
        } else {
            self.release(consumer, list);
            if is_cooperative { consumer.incremental_unassign(list) } else { consumer.unassign() }
        };
        if let Err(error) = outcome {
            warn!(
                "kafka source {}: partitions could not be shared out: {}",
                self.settings.name,
                Text::from(error.to_string())
            );
        }
    }

    fn commit_callback(&self, outcome: KafkaResult<()>, _: &TopicPartitionList) {
        // what is not committed now is committed with the next, and is in the store all the while
        if let Err(error) = outcome {
            debug!("kafka source {}: offsets are not committed: {error}", self.settings.name);
        }
    }
}
