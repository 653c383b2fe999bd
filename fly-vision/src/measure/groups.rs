//! Samples that agree in some arguments.

use crate::{Conditions, Error};

/// Groups of samples in order of first appearance.
#[derive(Debug, Clone)]
pub(super) struct Groups {
    /// What the samples of a group have in common, a row per group.
    pub(super) conditions: Conditions,
    /// The samples of each group.
    pub(super) members: Vec<Vec<usize>>,
}

/// Groups samples by those of the arguments `by` that they have. Without any of them all samples are one group.
pub(super) fn group(conditions: &Conditions, by: &[&str]) -> Result<Groups, Error> {
    let names: Vec<&'static str> = conditions.names().iter().copied().filter(|name| by.contains(name)).collect();
    let columns = names.iter().map(|name| conditions.column(name)).collect::<Result<Vec<_>, _>>()?;
    let mut keys: Vec<Vec<f64>> = Vec::new();
    let mut members: Vec<Vec<usize>> = Vec::new();
    for sample in 0..conditions.len() {
        let key: Vec<f64> = columns.iter().map(|column| column[sample]).collect();
        match keys.iter().position(|k| *k == key) {
            Some(at) => members[at].push(sample),
            None => {
                keys.push(key);
                members.push(vec![sample]);
            }
        }
    }
    let conditions = if names.is_empty() {
        Conditions::product(&[])
    } else {
        let column = |i: usize| keys.iter().map(|key| key[i]).collect();
        Conditions::from_columns(names.iter().enumerate().map(|(i, &name)| (name, column(i))).collect())?
    };
    Ok(Groups { conditions, members })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_order_and_arguments() {
        let all = Conditions::product(&[("angle", &[0.0, 90.0]), ("intensity", &[1.0, 0.0]), ("speed", &[5.0])]);
        let groups = group(&all, &["speed", "intensity", "width"]).unwrap();
        assert_eq!(groups.conditions.names(), ["intensity", "speed"]);
        assert_eq!(groups.conditions.column("intensity").unwrap(), [1.0, 0.0]);
        assert_eq!(groups.members, [[0, 2], [1, 3]]);
        let one = group(&all, &[]).unwrap();
        assert_eq!((one.conditions.len(), one.members.len()), (1, 1));
    }
}
