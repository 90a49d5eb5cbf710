//! Record bytes to events and rejects.
