//! The seams between host, agents and workspace: what the host needs, nothing more.
