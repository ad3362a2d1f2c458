//! Every bound of the product in one file, unit in the name, grouped by the module that keeps it.
