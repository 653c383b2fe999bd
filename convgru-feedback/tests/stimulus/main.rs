//! Stimuli: what they must be whatever is drawn, and on real data where they are at hand.

mod mel;
