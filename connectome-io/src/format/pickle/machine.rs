//! The stack machine of pickles.

use std::borrow::Cow;

use super::number::{self, Whole};
use super::{Global, Graph, Node, Slot, TorchGlobal, numpy};
use crate::format::pt;
use crate::{Array, ArrayData, Error, Location};

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
}

impl<'a, 'l> Machine<'a, 'l> {
    /// Interprets the pickle at the start of `input`; tells where it ends.
    pub(crate) fn run(input: &'a [u8], at: &'l Location, torch: bool) -> Result<(Graph<'a>, usize), Error> {
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
        Ok((Graph::new(machine.nodes, root, at)?, machine.position))
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
            b'N' => self.stack.push(Slot::None),
            0x88 => self.stack.push(Slot::Bool(true)),
            0x89 => self.stack.push(Slot::Bool(false)),
            b'J' => {
                let number = i32::from_le_bytes(self.array()?);
                self.stack.push(Slot::Int(i64::from(number)));
            }
            b'K' => {
                let number = self.byte()?;
                self.stack.push(Slot::Int(i64::from(number)));
            }
            b'M' => {
                let number = u16::from_le_bytes(self.array()?);
                self.stack.push(Slot::Int(i64::from(number)));
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
                self.stack.push(Slot::Float(number));
            }
            b'I' | b'L' | b'F' => self.text_number(code)?,
            b'S' | b'T' | b'U' => self.python_2_string(code)?,
            b'V' => {
                let line = self.line()?;
                let text = number::unescape(line).ok_or_else(|| self.malformed("a text has an escape that is none"))?;
                self.push(Node::Text(text.into()));
            }
            0x8c | b'X' | 0x8d => {
                let width = [1, 4, 8][usize::from(code == b'X') + 2 * usize::from(code == 0x8d)];
                let bytes = self.counted(width)?;
                let text = std::str::from_utf8(bytes).map_err(|_| self.malformed("a text is not UTF-8"))?;
                self.push(Node::Text(text.into()));
            }
            b'C' | b'B' | 0x8e | 0x96 => {
                let width = match code {
                    b'C' => 1,
                    b'B' => 4,
                    _ => 8,
                };
                let bytes = self.counted(width)?;
                self.push(Node::Bytes(bytes.into()));
            }
            b'(' => self.marks.push(self.stack.len()),
            b'0' => {
                // A mark is popped by this too.
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
            }
            b'1' => {
                self.pop_mark()?;
            }
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b')' => self.push(Node::Tuple(Vec::new())),
            b']' => self.push(Node::List(Vec::new())),
            b'}' => self.push(Node::Dict(Vec::new())),
            0x8f => self.push(Node::Set(Vec::new())),
            0x85..=0x87 => {
                let count = usize::from(code - 0x84);
                let floor = self.floor();
                if self.stack.len() < floor + count {
                    return Err(self.underflow());
                }
                let items = self.stack.drain(self.stack.len() - count..).collect();
                self.push(Node::Tuple(items));
            }
            b't' => {
                let items = self.pop_mark()?;
                self.push(Node::Tuple(items));
            }
            b'l' => {
                let items = self.pop_mark()?;
                self.push(Node::List(items));
            }
            0x91 => {
                let items = self.pop_mark()?;
                self.push(Node::Set(items));
            }
            b'd' => {
                let items = self.pop_mark()?;
                let entries = self.pairs(&items)?;
                self.push(Node::Dict(entries));
            }
            b'a' => {
                let item = self.pop()?;
                self.extend_list(vec![item])?;
            }
            b'e' => {
                let items = self.pop_mark()?;
                self.extend_list(items)?;
            }
            0x90 => {
                let items = self.pop_mark()?;
                match self.top_node()? {
                    Node::Set(set) => set.extend(items),
                    _ => return Err(self.malformed("items are added to what is no set")),
                }
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.extend_dict(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.extend_dict(&items)?;
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
                self.stack.push(slot);
            }
            b'c' => {
                let module = self.utf8_line()?;
                let name = self.utf8_line()?;
                self.global(module, name)?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(module), Some(name)) = (self.text(module), self.text(name)) else {
                    return Err(self.malformed("a name that is looked up is no text"));
                };
                let (module, name) = (module.to_owned(), name.to_owned());
                self.global(&module, &name)?;
            }
            b'R' | 0x81 => {
                let (args, function) = (self.pop()?, self.pop()?);
                let (Some(&Node::Global(function)), Some(Node::Tuple(args))) = (self.node(function), self.node(args))
                else {
                    return Err(self.malformed("something is called that is no function, or not with a tuple"));
                };
                let args = args.clone();
                self.charge(args.len())?;
                let result = self.call(function, &args)?;
                self.stack.push(result);
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
                self.push(Node::Storage(Box::new(storage)));
            }
            b'P' => return Err(self.unsupported("a persistent id in text".into())),
            b'i' | b'o' | 0x92 => return Err(self.unsupported("an instance of a class".into())),
            0x82..=0x84 => return Err(self.unsupported("a code of Python's extension registry".into())),
            0x97 | 0x98 => return Err(self.unsupported("a buffer outside of the file".into())),
            _ => return Err(self.malformed(format!("{code:#04x} is no instruction"))),
        }
        Ok(())
    }

    // Input.

    fn left(&self) -> usize {
        self.input.len() - self.position
    }

    fn truncated(&self, what: &'static str, needed: u64) -> Error {
        Error::Truncated { at: self.place(), what, needed, available: self.left() as u64 }
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], Error> {
        let bytes = usize::try_from(count).ok().and_then(|n| self.input[self.position..].get(..n));
        let bytes = bytes.ok_or_else(|| self.truncated("the pickle", count))?;
        self.position += bytes.len();
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, Error> {
        Ok(self.take(1)?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut raw = [0; N];
        raw.copy_from_slice(self.take(N as u64)?);
        Ok(raw)
    }

    /// A length of 1, 4 or 8 bytes.
    fn length(&mut self, width: usize) -> Result<u64, Error> {
        let mut raw = [0; 8];
        raw[..width].copy_from_slice(self.take(width as u64)?);
        Ok(u64::from_le_bytes(raw))
    }

    fn counted(&mut self, width: usize) -> Result<&'a [u8], Error> {
        let length = self.length(width)?;
        self.take(length)
    }

    /// The bytes before the next end of line.
    fn line(&mut self) -> Result<&'a [u8], Error> {
        let rest = &self.input[self.position..];
        let Some(end) = rest.iter().position(|&b| b == b'\n') else {
            return Err(self.truncated("a line", rest.len() as u64 + 1));
        };
        self.position += end + 1;
        Ok(&rest[..end])
    }

    fn utf8_line(&mut self) -> Result<&'a str, Error> {
        let line = self.line()?;
        std::str::from_utf8(line).map_err(|_| self.malformed("a line is not UTF-8"))
    }

    fn decimal_index(&mut self) -> Result<usize, Error> {
        let line = self.utf8_line()?;
        line.parse().map_err(|_| self.malformed(format!("{:?} is no place in the memo", brief(line))))
    }

    fn long(&mut self, length: u64) -> Result<(), Error> {
        let bytes = self.take(length)?;
        if bytes.len() > number::MAX_BYTES {
            return Err(self.unsupported(format!("a whole number of {} bytes", bytes.len())));
        }
        let number = number::from_twos_complement(bytes);
        self.push_whole(number);
        Ok(())
    }

    fn push_whole(&mut self, number: Whole) {
        match number {
            Whole::Small(number) => self.stack.push(Slot::Int(number)),
            Whole::Big(digits) => self.push(Node::BigInt(digits)),
        }
    }

    fn text_number(&mut self, code: u8) -> Result<(), Error> {
        let line = self.utf8_line()?;
        let bad = || self.malformed(format!("{:?} is no number", brief(line)));
        if code == b'F' {
            let number = line.parse().map_err(|_| bad())?;
            self.stack.push(Slot::Float(number));
        } else if code == b'I' && (line == "00" || line == "01") {
            self.stack.push(Slot::Bool(line == "01"));
        } else {
            let digits = if code == b'L' { line.strip_suffix('L').unwrap_or(line) } else { line };
            let number = number::from_decimal(digits).ok_or_else(bad)?;
            self.push_whole(number);
        }
        Ok(())
    }

    /// A `str` of Python 2, which is text where it is ASCII, as Python 3 takes it, and bytes elsewhere.
    fn python_2_string(&mut self, code: u8) -> Result<(), Error> {
        let bytes: Cow<'a, [u8]> = if code == b'S' {
            let line = self.line()?;
            number::unquote(line).ok_or_else(|| self.malformed("a string has no quotes or odd escapes"))?.into()
        } else {
            self.counted(if code == b'T' { 4 } else { 1 })?.into()
        };
        let node = match bytes {
            Cow::Borrowed(bytes) if bytes.is_ascii() => {
                Node::Text(std::str::from_utf8(bytes).map_err(|_| self.malformed("not ASCII"))?.into())
            }
            Cow::Owned(bytes) if bytes.is_ascii() => {
                Node::Text(String::from_utf8(bytes).map_err(|_| self.malformed("not ASCII"))?.into())
            }
            bytes => Node::Bytes(bytes),
        };
        self.push(node);
        Ok(())
    }

    // Stack, memo and objects.

    pub(crate) fn push(&mut self, node: Node<'a>) {
        let slot = self.make(node);
        self.stack.push(slot);
    }

    pub(crate) fn make(&mut self, node: Node<'a>) -> Slot {
        if self.nodes.len() == self.nodes.capacity() {
            // Each byte makes one object at most: room beyond that would be for nothing.
            let left = self.left().max(16);
            self.nodes.reserve_exact(self.nodes.len().clamp(16, left));
        }
        self.nodes.push(node);
        Slot::Node((self.nodes.len() - 1) as u32)
    }

    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn underflow(&self) -> Error {
        self.malformed("an instruction wants more than the stack holds")
    }

    fn pop(&mut self) -> Result<Slot, Error> {
        if self.stack.len() <= self.floor() {
            return Err(self.underflow());
        }
        self.stack.pop().ok_or_else(|| self.underflow())
    }

    fn top(&self) -> Result<Slot, Error> {
        self.stack[self.floor()..].last().copied().ok_or_else(|| self.underflow())
    }

    fn top_node(&mut self) -> Result<&mut Node<'a>, Error> {
        match self.top()? {
            Slot::Node(id) => Ok(&mut self.nodes[id as usize]),
            _ => Err(self.malformed("a number is used as a container")),
        }
    }

    fn pop_mark(&mut self) -> Result<Vec<Slot>, Error> {
        let mark = self.marks.pop().ok_or_else(|| self.malformed("no mark on the stack"))?;
        Ok(self.stack.drain(mark..).collect())
    }

    fn put(&mut self, index: usize) -> Result<(), Error> {
        let top = self.top()?;
        // Writers count up, so that an honest index is smaller than the file.
        if index > self.input.len() {
            return Err(self.malformed(format!("memo {index} in a pickle of {} bytes", self.input.len())));
        }
        if index >= self.memo.len() {
            self.memo.resize(index + 1, None);
        }
        self.memo[index] = Some(top);
        Ok(())
    }

    fn pairs(&self, items: &[Slot]) -> Result<Vec<(Slot, Slot)>, Error> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.malformed("a key without value"));
        }
        for &[key, _] in pairs {
            if matches!(self.node(key), Some(Node::List(_) | Node::Dict(_) | Node::Set(_))) {
                return Err(self.malformed("a list, dict or set as key"));
            }
        }
        Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
    }

    fn extend_list(&mut self, items: Vec<Slot>) -> Result<(), Error> {
        match self.top_node()? {
            Node::List(list) => list.extend(items),
            _ => return Err(self.malformed("items are appended to what is no list")),
        }
        Ok(())
    }

    fn extend_dict(&mut self, items: &[Slot]) -> Result<(), Error> {
        let pairs = self.pairs(items)?;
        match self.top_node()? {
            Node::Dict(entries) => entries.extend(pairs),
            _ => return Err(self.malformed("entries are set in what is no dict")),
        }
        Ok(())
    }

    // What calls and states mean.

    fn global(&mut self, module: &str, name: &str) -> Result<(), Error> {
        let Some(global) = Global::find(module, name, self.torch) else {
            return Err(self.unsupported(format!("the name `{}.{}`", brief(module), brief(name))));
        };
        self.push(Node::Global(global));
        Ok(())
    }

    /// The result of a function of the list.
    pub(crate) fn call(&mut self, function: Global, args: &[Slot]) -> Result<Slot, Error> {
        let bad = |machine: &Self| machine.malformed(format!("{function:?} is called with odd arguments"));
        let node = match (function, args) {
            (Global::OrderedDict, []) => Node::Dict(Vec::new()),
            (Global::OrderedDict, [items]) => {
                let items = self.items(*items).ok_or_else(|| bad(self))?.to_vec();
                self.charge(items.len())?;
                let pairs = items.into_iter().map(|pair| self.items(pair).filter(|pair| pair.len() == 2));
                let pairs = pairs.collect::<Option<Vec<_>>>().ok_or_else(|| bad(self))?.concat();
                Node::Dict(self.pairs(&pairs)?)
            }
            (Global::Set, []) => Node::Set(Vec::new()),
            (Global::Set, [items]) => {
                let items = self.items(*items).ok_or_else(|| bad(self))?.to_vec();
                self.charge(items.len())?;
                Node::Set(items)
            }
            (Global::Bytes, []) => Node::Bytes(Cow::default()),
            (Global::Bytes, [bytes]) => {
                let bytes = self.bytes(*bytes).ok_or_else(|| bad(self))?.to_vec();
                self.charge(bytes.len())?;
                Node::Bytes(bytes.into())
            }
            (Global::Bytes | Global::Encode, [text, encoding]) => {
                let latin = self.text(*encoding).is_some_and(|name| matches!(name, "latin1" | "latin-1"));
                let text = self.text(*text).filter(|_| latin).ok_or_else(|| bad(self))?;
                let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
                let bytes = bytes.ok_or_else(|| self.malformed("bytes are spelled with characters beyond 255"))?;
                self.charge(bytes.len())?;
                Node::Bytes(bytes.into())
            }
            (Global::Complex, [re, im]) => {
                let (Some(re), Some(im)) = (float(*re), float(*im)) else { return Err(bad(self)) };
                Node::Array(Box::new(Array::new(vec![], ArrayData::C128(vec![[re, im]]))?))
            }
            (Global::NumpyScalar, &[dtype, data]) => return numpy::scalar(self, dtype, data),
            (Global::NumpyReconstruct, [class, ..]) if self.is_array_class(*class) => Node::EmptyArray,
            (Global::NumpyFromBuffer, &[data, dtype, shape, order]) => {
                let fortran = match self.text(order) {
                    Some("C") => false,
                    Some("F") => true,
                    _ => return Err(bad(self)),
                };
                Node::Array(Box::new(numpy::array(self, dtype, shape, data, fortran)?))
            }
            (Global::NumpyDtype, [code, ..]) => {
                let code = self.text(*code).filter(|code| code.len() <= 32).ok_or_else(|| bad(self))?;
                Node::NumpyDtype { code: code.into(), order: '|' }
            }
            (Global::Torch(function), args) => return pt::call(self, function, args),
            _ => return Err(bad(self)),
        };
        Ok(self.make(node))
    }

    fn is_array_class(&self, class: Slot) -> bool {
        matches!(self.node(class), Some(Node::Global(Global::NumpyArray)))
    }

    /// Applies a state to the object on top.
    fn build(&mut self, state: Slot) -> Result<(), Error> {
        let Slot::Node(id) = self.top()? else {
            return Err(self.malformed("a number is given a state"));
        };
        let node = match &self.nodes[id as usize] {
            // Attributes such as the `_metadata` of a `state_dict` are no entries.
            Node::Dict(_) => return Ok(()),
            Node::NumpyDtype { code, .. } => {
                let code = code.clone();
                Node::NumpyDtype { code, order: numpy::byte_order(self, state)? }
            }
            Node::EmptyArray => match self.items(state) {
                Some(&[_, shape, dtype, Slot::Bool(fortran), data]) => {
                    Node::Array(Box::new(numpy::array(self, dtype, shape, data, fortran)?))
                }
                _ => return Err(self.malformed("the state of an array is odd")),
            },
            _ => return Err(self.unsupported("an object with a state".to_owned())),
        };
        self.nodes[id as usize] = node;
        Ok(())
    }

    // For those who put objects together.

    pub(crate) fn node(&self, slot: Slot) -> Option<&Node<'a>> {
        if let Slot::Node(id) = slot { self.nodes.get(id as usize) } else { None }
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

fn float(slot: Slot) -> Option<f64> {
    match slot {
        Slot::Float(number) => Some(number),
        Slot::Int(number) => Some(number as f64),
        _ => None,
    }
}
