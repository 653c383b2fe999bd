//! The stack, its marks, the memo, and the containers that items on the stack go to.

use super::super::{Node, Slot};
use super::Machine;
use crate::Error;

impl<'a> Machine<'a, '_> {
    pub(super) fn push(&mut self, slot: Slot) -> Result<(), Error> {
        self.budget.room(&mut self.stack, 1)?;
        self.stack.push(slot);
        Ok(())
    }

    pub(super) fn add(&mut self, node: Node<'a>) -> Result<(), Error> {
        let slot = self.make(node)?;
        self.push(slot)
    }

    pub(crate) fn make(&mut self, node: Node<'a>) -> Result<Slot, Error> {
        let place = u32::try_from(self.nodes.len()).map_err(|_| Error::TooMany {
            at: self.place(),
            what: "objects",
            n: self.nodes.len() as u64 + 1,
            limit: 1 << 32,
        })?;
        self.budget.claim(node.heap())?;
        self.budget.room(&mut self.nodes, 1)?;
        self.nodes.push(node);
        Ok(Slot::node(place))
    }

    pub(super) fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    pub(super) fn underflow(&self) -> Error {
        self.malformed("an instruction wants more than the stack holds")
    }

    pub(super) fn pop(&mut self) -> Result<Slot, Error> {
        if self.stack.len() <= self.floor() {
            return Err(self.underflow());
        }
        self.stack.pop().ok_or_else(|| self.underflow())
    }

    pub(super) fn top(&self) -> Result<Slot, Error> {
        self.stack[self.floor()..].last().copied().ok_or_else(|| self.underflow())
    }

    /// Where the items since the last mark start on the stack.
    pub(super) fn pop_mark(&mut self) -> Result<usize, Error> {
        self.marks.pop().ok_or_else(|| self.malformed("no mark on the stack"))
    }

    /// What stands on the stack from `from` on.
    pub(super) fn take_items(&mut self, from: usize) -> Result<Vec<Slot>, Error> {
        let items = &self.stack[from..];
        self.budget.fits(size_of_val(items))?;
        let items = items.to_vec();
        self.stack.truncate(from);
        Ok(items)
    }

    pub(super) fn put(&mut self, index: usize) -> Result<(), Error> {
        let top = self.top()?;
        // Writers count up, so that an honest index is smaller than the file.
        if index > self.input.len() {
            return Err(self.malformed(format!("memo {index} in a pickle of {} bytes", self.input.len())));
        }
        let length = self.memo.len();
        if index >= length {
            self.budget.room(&mut self.memo, index + 1 - length)?;
            self.memo.resize(index + 1, None);
        }
        self.memo[index] = Some(top);
        Ok(())
    }

    /// Keys and values that stand on the stack from `from` on.
    fn pairs(&self, from: usize) -> Result<&[[Slot; 2]], Error> {
        let (pairs, rest) = self.stack[from..].as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.malformed("a key without value"));
        }
        pairs.iter().try_for_each(|&[key, _]| self.check_key(key))?;
        Ok(pairs)
    }

    pub(super) fn check_key(&self, key: Slot) -> Result<(), Error> {
        match self.node(key) {
            Some(Node::List(_) | Node::Dict(_) | Node::Set(_)) => Err(self.malformed("a list, dict or set as key")),
            _ => Ok(()),
        }
    }

    pub(super) fn new_entries(&self, from: usize) -> Result<Vec<(Slot, Slot)>, Error> {
        let pairs = self.pairs(from)?;
        self.budget.fits(size_of_val(pairs))?;
        Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
    }

    /// Place of the object under what stands on the stack from `from` on.
    fn container(&self, from: usize) -> Result<usize, Error> {
        if from <= self.floor() {
            return Err(self.underflow());
        }
        match self.stack[from - 1] {
            Slot::Node(place) => Ok(place.get() as usize),
            _ => Err(self.malformed("a number is used as a container")),
        }
    }

    /// Moves what stands on the stack from `from` on to the list or set below.
    pub(super) fn extend_items(&mut self, from: usize, set: bool) -> Result<(), Error> {
        let place = self.container(from)?;
        let items = match &mut self.nodes[place] {
            Node::List(items) if !set => items,
            Node::Set(items) if set => items,
            _ if set => return Err(self.malformed("items are added to what is no set")),
            _ => return Err(self.malformed("items are appended to what is no list")),
        };
        self.budget.room(items, self.stack.len() - from)?;
        items.extend_from_slice(&self.stack[from..]);
        self.stack.truncate(from);
        Ok(())
    }

    /// Moves keys and values that stand on the stack from `from` on to the dict below.
    pub(super) fn extend_dict(&mut self, from: usize) -> Result<(), Error> {
        let place = self.container(from)?;
        self.pairs(from)?;
        let Node::Dict(entries) = &mut self.nodes[place] else {
            return Err(self.malformed("entries are set in what is no dict"));
        };
        let pairs = self.stack[from..].as_chunks::<2>().0;
        self.budget.room(entries, pairs.len())?;
        entries.extend(pairs.iter().map(|&[key, value]| (key, value)));
        self.stack.truncate(from);
        Ok(())
    }
}
