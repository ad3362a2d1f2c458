//! Rulings: deny > ask > allow, on any doubt ask. Pure over the model.
