//! The stack machine of pickles.

mod calls;
mod input;
mod stack;

use super::{Budget, Global, Graph, Node, Slot, TorchGlobal, number};
use crate::format::pt;
use crate::{Error, Location};

/// What to do about a file that holds more than data.
const DATA_ONLY: &str =
    "nothing was executed; save numbers, texts, lists, dicts, arrays and tensors alone, such as a `state_dict`";

/// A pickle being interpreted.
pub(crate) struct Machine<'a, 'l> {
    input: &'a [u8],
    /// The next byte.
    position: usize,
    /// The instruction being carried out, for messages.
    start: usize,
    at: &'l Location,
    /// Whether names and persistent ids of torch have a meaning.
    torch: bool,
    stack: Vec<Slot>,
    /// Heights of the stack at the marks.
    marks: Vec<usize>,
    memo: Vec<Option<Slot>>,
    nodes: Vec<Node<'a>>,
    /// What instructions have copied, in bytes or entries: short instructions may copy long objects again and again.
    copied: usize,
    budget: Budget,
}

impl<'a, 'l> Machine<'a, 'l> {
    /// Interprets the pickle at the start of `input`; tells where it ends.
    pub(crate) fn run(
        input: &'a [u8],
        at: &'l Location,
        torch: bool,
        budget: Budget,
    ) -> Result<(Graph<'a>, usize), Error> {
        let mut machine = Machine {
            input,
            position: 0,
            start: 0,
            at,
            torch,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Vec::new(),
            nodes: Vec::new(),
            copied: 0,
            budget,
        };
        loop {
            machine.start = machine.position;
            let code = machine.byte()?;
            if code == b'.' {
                break;
            }
            machine.step(code)?;
        }
        let root = machine.pop()?;
        if !machine.stack.is_empty() || !machine.marks.is_empty() {
            return Err(machine.malformed("objects are left over at the end"));
        }
        let Machine { nodes, budget, position, stack, marks, memo, .. } = machine;
        budget.free(stack);
        budget.free(marks);
        budget.free(memo);
        Ok((Graph::new(nodes, root, at, budget)?, position))
    }

    fn step(&mut self, code: u8) -> Result<(), Error> {
        match code {
            0x80 => {
                let version = self.byte()?;
                if version > 5 {
                    return Err(self.unsupported(format!("protocol {version} of pickles")));
                }
            }
            0x95 => {
                let length = u64::from_le_bytes(self.array()?);
                if length > self.left() as u64 {
                    return Err(self.truncated("a frame", length));
                }
            }
            b'N' => self.push(Slot::None)?,
            0x88 => self.push(Slot::Bool(true))?,
            0x89 => self.push(Slot::Bool(false))?,
            b'J' => {
                let number = i32::from_le_bytes(self.array()?);
                self.push(Slot::int(i64::from(number)))?;
            }
            b'K' => {
                let number = self.byte()?;
                self.push(Slot::int(i64::from(number)))?;
            }
            b'M' => {
                let number = u16::from_le_bytes(self.array()?);
                self.push(Slot::int(i64::from(number)))?;
            }
            0x8a => {
                let length = self.byte()?;
                self.long(u64::from(length))?;
            }
            0x8b => {
                let length = self.length(4)?;
                self.long(length)?;
            }
            b'G' => {
                let number = f64::from_be_bytes(self.array()?);
                self.push(Slot::float(number))?;
            }
            b'I' | b'L' | b'F' => self.text_number(code)?,
            b'S' | b'T' | b'U' => self.python_2_string(code)?,
            b'V' => {
                let line = self.line()?;
                self.budget.fits(number::unescaped_size(line))?;
                let text = number::unescape(line).ok_or_else(|| self.malformed("a text has an escape that is none"))?;
                self.add(Node::Text(text))?;
            }
            0x8c | b'X' | 0x8d => {
                let width = [1, 4, 8][usize::from(code == b'X') + 2 * usize::from(code == 0x8d)];
                let bytes = self.counted(width)?;
                let text = std::str::from_utf8(bytes).map_err(|_| self.malformed("a text is not UTF-8"))?;
                self.add(Node::Text(text.into()))?;
            }
            b'C' | b'B' | 0x8e | 0x96 => {
                let width = match code {
                    b'C' => 1,
                    b'B' => 4,
                    _ => 8,
                };
                let bytes = self.counted(width)?;
                self.add(Node::Bytes(bytes.into()))?;
            }
            b'(' => {
                self.budget.room(&mut self.marks, 1)?;
                self.marks.push(self.stack.len());
            }
            b'0' => {
                // A mark is popped by this too.
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
            }
            b'1' => {
                let mark = self.pop_mark()?;
                self.stack.truncate(mark);
            }
            b'2' => {
                let top = self.top()?;
                self.push(top)?;
            }
            b')' => self.add(Node::Tuple(Vec::new()))?,
            b']' => self.add(Node::List(Vec::new()))?,
            b'}' => self.add(Node::Dict(Vec::new()))?,
            0x8f => self.add(Node::Set(Vec::new()))?,
            0x85..=0x87 => {
                let count = usize::from(code - 0x84);
                let floor = self.floor();
                if self.stack.len() < floor + count {
                    return Err(self.underflow());
                }
                let items = self.take_items(self.stack.len() - count)?;
                self.add(Node::Tuple(items))?;
            }
            b't' => {
                let mark = self.pop_mark()?;
                let items = self.take_items(mark)?;
                self.add(Node::Tuple(items))?;
            }
            b'l' => {
                let mark = self.pop_mark()?;
                let items = self.take_items(mark)?;
                self.add(Node::List(items))?;
            }
            0x91 => {
                let mark = self.pop_mark()?;
                let items = self.take_items(mark)?;
                self.add(Node::Set(items))?;
            }
            b'd' => {
                let mark = self.pop_mark()?;
                let entries = self.new_entries(mark)?;
                self.stack.truncate(mark);
                self.add(Node::Dict(entries))?;
            }
            b'a' => self.extend_items(self.stack.len().saturating_sub(1), false)?,
            b'e' => {
                let mark = self.pop_mark()?;
                self.extend_items(mark, false)?;
            }
            0x90 => {
                let mark = self.pop_mark()?;
                self.extend_items(mark, true)?;
            }
            b's' => self.extend_dict(self.stack.len().saturating_sub(2))?,
            b'u' => {
                let mark = self.pop_mark()?;
                self.extend_dict(mark)?;
            }
            b'p' | b'q' | b'r' | 0x94 => {
                let index = match code {
                    b'p' => self.decimal_index()?,
                    b'q' => usize::from(self.byte()?),
                    b'r' => u32::from_le_bytes(self.array()?) as usize,
                    _ => self.memo.len(),
                };
                self.put(index)?;
            }
            b'g' | b'h' | b'j' => {
                let index = match code {
                    b'g' => self.decimal_index()?,
                    b'h' => usize::from(self.byte()?),
                    _ => u32::from_le_bytes(self.array()?) as usize,
                };
                let slot = self.memo.get(index).copied().flatten();
                let slot = slot.ok_or_else(|| self.malformed(format!("memo {index} is empty")))?;
                self.push(slot)?;
            }
            b'c' => {
                let module = self.utf8_line()?;
                let name = self.utf8_line()?;
                let global = self.global(module, name)?;
                self.add(Node::Global(global))?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(module), Some(name)) = (self.text(module), self.text(name)) else {
                    return Err(self.malformed("a name that is looked up is no text"));
                };
                let global = self.global(module, name)?;
                self.add(Node::Global(global))?;
            }
            b'R' | 0x81 => {
                let (args, function) = (self.pop()?, self.pop()?);
                let (Some(&Node::Global(function)), Some(Node::Tuple(args))) = (self.node(function), self.node(args))
                else {
                    return Err(self.malformed("something is called that is no function, or not with a tuple"));
                };
                let args = self.arguments(args)?;
                let result = self.call(function, &args)?;
                self.push(result)?;
            }
            b'b' => {
                let state = self.pop()?;
                self.build(state)?;
            }
            b'Q' => {
                let id = self.pop()?;
                if !self.torch {
                    return Err(self.unsupported("a persistent id, which stands for data outside of the file,".into()));
                }
                let storage = pt::storage_of(self, id)?;
                self.add(Node::Storage(Box::new(storage)))?;
            }
            b'P' => return Err(self.unsupported("a persistent id in text".into())),
            b'i' | b'o' | 0x92 => return Err(self.unsupported("an instance of a class".into())),
            0x82..=0x84 => return Err(self.unsupported("a code of Python's extension registry".into())),
            0x97 | 0x98 => return Err(self.unsupported("a buffer outside of the file".into())),
            _ => return Err(self.malformed(format!("{code:#04x} is no instruction"))),
        }
        Ok(())
    }

    // For those who put objects together.

    pub(crate) fn node(&self, slot: Slot) -> Option<&Node<'a>> {
        if let Slot::Node(place) = slot { self.nodes.get(place.get() as usize) } else { None }
    }

    pub(crate) fn text(&self, slot: Slot) -> Option<&str> {
        if let Some(Node::Text(text)) = self.node(slot) { Some(text) } else { None }
    }

    /// Items of a tuple or list.
    pub(crate) fn items(&self, slot: Slot) -> Option<&[Slot]> {
        if let Some(Node::Tuple(items) | Node::List(items)) = self.node(slot) { Some(items) } else { None }
    }

    /// Bytes, or a `str` of Python 2 that happened to be ASCII.
    pub(crate) fn bytes(&self, slot: Slot) -> Option<&[u8]> {
        match self.node(slot) {
            Some(Node::Bytes(bytes)) => Some(bytes),
            Some(Node::Text(text)) if text.is_ascii() => Some(text.as_bytes()),
            _ => None,
        }
    }

    /// Memory for what a call makes.
    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Counts what an instruction copies; honest pickles copy nothing that they have not spelled.
    pub(crate) fn charge(&mut self, amount: usize) -> Result<(), Error> {
        let limit = self.input.len().saturating_mul(4).saturating_add(64 << 10);
        self.copied = self.copied.saturating_add(amount);
        if self.copied > limit {
            return Err(Error::TooLarge {
                at: self.place(),
                what: "what short instructions copy",
                size: self.copied as u64,
                limit: limit as u64,
                remedy: "no honest file copies so much; do not trust it",
            });
        }
        Ok(())
    }

    pub(crate) fn place(&self) -> Box<Location> {
        match self.at.place {
            crate::Place::Whole => self.at.byte(self.start as u64),
            _ => self.at.key(format!("byte {}", self.start)),
        }
    }

    pub(crate) fn malformed(&self, problem: impl Into<String>) -> Error {
        Error::Malformed { at: self.place(), problem: problem.into() }
    }

    pub(crate) fn unsupported(&self, what: String) -> Error {
        Error::Unsupported { at: self.place(), what, remedy: DATA_ONLY }
    }

    pub(crate) fn node_of_type(&self, slot: Slot) -> Option<TorchGlobal> {
        if let Some(&Node::Global(Global::Torch(global))) = self.node(slot) { Some(global) } else { None }
    }
}

/// The start of a name, for messages.
fn brief(text: &str) -> &str {
    text.char_indices().nth(80).map_or(text, |(end, _)| &text[..end])
}
