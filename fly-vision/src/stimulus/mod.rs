//! Stimuli: sets of movies with their arguments.
