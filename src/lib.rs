//! Sawatch: a streaming anomaly detector for Kubernetes audit logs.
//!
//! An event walks one path, once, forwards; the modules below stand in its order, and each names only those above it:
//!
//! ```text
//! source ──bytes──▶ decode ──events──▶ engine (judge, triage, learn) ──incidents──▶ format ──▶ sink
//! ```
//!
//! `text` to `checkpoint` are the core: no files, no sockets, no clock, no environment, no async, no logging.

pub mod text;

pub mod event;

pub mod decode;

pub mod alert;

pub mod impact;

pub mod baseline;

pub mod address;

pub mod credential;

pub mod burst;

pub mod clock;

pub mod cluster;

pub mod detector;

pub mod requests;

pub mod blind_spot;

pub mod triage;

pub mod engine;

pub mod checkpoint;

pub mod state;

pub mod server;

pub mod source;

pub mod store;

pub mod format;

pub mod sink;

pub mod pipeline;

pub mod config;

pub mod policy;

pub mod backtest;

pub mod daemon;

pub mod admin;

pub mod cli;

#[cfg(test)]
mod sample;
