//! How much each factor of the risk counts: the user's numbers, which the configuration reads and the policy applies.

use serde::{Deserialize, Serialize};

/// Declares the weights once: a field each, in percent, 100 where nothing is set.
macro_rules! weights {
    ($($name:ident),+ $(,)?) => {
        /// Weights of the factors of the risk, in percent of the built-in ones; see `policy.risk` in the configuration.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct RiskWeights {
            $(pub $name: u64,)+
        }

        impl Default for RiskWeights {
            fn default() -> Self {
                Self { $($name: 100,)+ }
            }
        }
    };
}

weights!(files, size, tests, commands, network, evidence, undo, guarded, drift, dependents);
