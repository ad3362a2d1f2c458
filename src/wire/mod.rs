//! JSON-RPC 2.0 messages and frames over any byte stream.
