//! The part of Python's literals that headers of `.npy` files use; nothing is evaluated.

/// The part of Python's literals that headers use.
#[derive(Debug)]
pub(super) enum Literal {
    Text(String),
    Bool(bool),
    Int(u64),
    Sequence(Vec<Literal>),
    Dict(Vec<(String, Literal)>),
}

/// Nesting beyond this is no header.
const MAX_DEPTH: usize = 8;

impl Literal {
    /// Parses a whole text; the error is a byte and what is wrong there.
    pub(super) fn parse(text: &[u8]) -> Result<Self, (usize, String)> {
        let mut parser = Parser { text, at: 0 };
        let value = parser.value(0)?;
        parser.space();
        if parser.at < text.len() {
            return Err(parser.fail("text after the dictionary"));
        }
        Ok(value)
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn fail(&self, problem: &str) -> (usize, String) {
        (self.at, format!("{problem} in the header"))
    }

    fn space(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        self.space();
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.text[self.at..].starts_with(word.as_bytes());
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn value(&mut self, depth: usize) -> Result<Literal, (usize, String)> {
        if depth > MAX_DEPTH {
            return Err(self.fail("too deep nesting"));
        }
        match self.peek() {
            Some(b'{') => self.dict(depth),
            Some(b'(') => self.sequence(b')', depth),
            Some(b'[') => self.sequence(b']', depth),
            Some(quote @ (b'\'' | b'"')) => self.text(quote).map(Literal::Text),
            Some(b'0'..=b'9') => self.int(),
            Some(b'T') if self.word("True") => Ok(Literal::Bool(true)),
            Some(b'F') if self.word("False") => Ok(Literal::Bool(false)),
            Some(_) => Err(self.fail("unexpected character")),
            None => Err(self.fail("unexpected end")),
        }
    }

    fn int(&mut self) -> Result<Literal, (usize, String)> {
        let mut value = 0u64;
        while let Some(digit @ b'0'..=b'9') = self.text.get(self.at) {
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(u64::from(digit - b'0')))
                .ok_or_else(|| self.fail("a number beyond 64 bits"))?;
            self.at += 1;
        }
        // Python 2 wrote long integers as 3L.
        self.word("L");
        Ok(Literal::Int(value))
    }

    fn text(&mut self, quote: u8) -> Result<String, (usize, String)> {
        self.at += 1;
        let rest = &self.text[self.at..];
        let length = rest.iter().position(|&b| b == quote).ok_or_else(|| self.fail("text without end"))?;
        let text = std::str::from_utf8(&rest[..length]).map_err(|_| self.fail("text that is no UTF-8"))?.to_owned();
        self.at += length + 1;
        Ok(text)
    }

    fn sequence(&mut self, close: u8, depth: usize) -> Result<Literal, (usize, String)> {
        self.at += 1;
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(self.value(depth + 1)?);
            if !self.eat(b',') && self.peek() != Some(close) {
                return Err(self.fail("a comma or the end of the sequence is missing"));
            }
        }
        Ok(Literal::Sequence(items))
    }

    fn dict(&mut self, depth: usize) -> Result<Literal, (usize, String)> {
        self.at += 1;
        let mut entries = Vec::new();
        while !self.eat(b'}') {
            let quote = match self.peek() {
                Some(quote @ (b'\'' | b'"')) => quote,
                _ => return Err(self.fail("a key is no text")),
            };
            let key = self.text(quote)?;
            if !self.eat(b':') {
                return Err(self.fail("a colon is missing"));
            }
            entries.push((key, self.value(depth + 1)?));
            if !self.eat(b',') && self.peek() != Some(b'}') {
                return Err(self.fail("a comma or the end of the dictionary is missing"));
            }
        }
        Ok(Literal::Dict(entries))
    }
}
