//! Items by their class, and parts of a set for learning and for testing.

use crate::Error;

/// Items to learn from and items to test with, by their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// Items to learn from.
    pub train: Vec<usize>,
    /// Items to test with.
    pub test: Vec<usize>,
}

/// The numbers of all items of each class, in their order. (connectome-to-model keeps the first of each only.)
///
/// `labels`: class of each item, 0 to `classes - 1`.
///
/// # Errors
/// [`Error::Data`] for a label beyond the classes.
pub fn by_class(labels: &[u8], classes: usize) -> Result<Vec<Vec<usize>>, Error> {
    let mut items = vec![Vec::new(); classes];
    for (i, &label) in labels.iter().enumerate() {
        let Some(of_class) = items.get_mut(usize::from(label)) else {
            let problem = format!("item {i} has label {label}, but there are {classes} classes, counted from 0");
            return Err(Error::Data { what: "labels".to_owned(), problem });
        };
        of_class.push(i);
    }
    Ok(items)
}

/// The numbers of all items by group and class, in their order; classes are digits.
pub(super) fn by_group(labels: &[u8], groups: &[u8]) -> Result<Vec<Vec<Vec<usize>>>, Error> {
    by_class(labels, 10)?;
    let mut items = vec![vec![Vec::new(); 10]; groups.iter().max().map_or(0, |&last| usize::from(last) + 1)];
    for (i, (&label, &group)) in labels.iter().zip(groups).enumerate() {
        items[usize::from(group)][usize::from(label)].push(i);
    }
    Ok(items)
}

/// Holds out the last `n / one_in` of the `n` items of each class, rounded down, for testing. Both parts list class after class, items of
/// a class in their order. With `one_in` 5 and the first 10,000 training images of MNIST these are 8004 and 1996 images.
///
/// # Errors
/// [`Error::Option`] if `one_in` is 0.
pub fn hold_out(labels: &[u8], one_in: usize) -> Result<Split, Error> {
    if one_in == 0 {
        let what = "one item in 0 cannot be held out; 5 holds out a fifth".to_owned();
        return Err(Error::Option { option: "one_in", what });
    }
    let mut split = Split::default();
    for items in by_class(labels, 256)? {
        let (train, test) = items.split_at(items.len() - items.len() / one_in);
        split.train.extend_from_slice(train);
        split.test.extend_from_slice(test);
    }
    Ok(split)
}
