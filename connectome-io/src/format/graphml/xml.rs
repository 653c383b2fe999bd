//! The part of XML that graphs need, one tag or text at a time, in bounded memory.

use std::io::{self, BufRead, BufReader, Read};

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion, escape};

use super::forbidden;
use crate::source::Source;
use crate::{Error, Location};

/// Bytes that a tag or a text may have.
const LONGEST: usize = 4 << 20;
/// Elements that may be open at a time.
const DEEPEST: usize = 64;
/// Attributes that a tag may have.
const MOST_ATTRIBUTES: usize = 64;

/// A file being read.
pub(super) struct Xml {
    reader: Reader<Counted>,
    buffer: Vec<u8>,
    at: Location,
    depth: usize,
}

/// What comes next.
pub(super) enum Token {
    /// `<name ...>`; of `<name ... />` also the end follows.
    Open(Tag),
    /// A part of a text.
    Text(String),
    /// The end of an element.
    Close,
    /// The end of the file.
    End,
}

/// The start of an element.
pub(super) struct Tag {
    /// Without the prefix of the name space.
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    /// Where it stands.
    pub(super) at: Box<Location>,
}

impl Tag {
    /// The value of an attribute.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The value of an attribute that must be there.
    pub(super) fn want(&self, name: &str) -> Result<&str, Error> {
        self.get(name).ok_or_else(|| Error::Missing {
            at: self.at.clone(),
            what: format!("attribute {name:?} of <{}>", self.name),
            found: self.attributes.iter().map(|(name, _)| name.clone()).collect(),
            remedy: "add it",
        })
    }

    /// Refuses the element for what it is.
    pub(super) fn unsupported(&self, what: &str, remedy: &'static str) -> Error {
        Error::Unsupported { at: self.at.clone(), what: what.to_owned(), remedy }
    }

    pub(super) fn malformed(&self, problem: String) -> Error {
        Error::Malformed { at: self.at.clone(), problem }
    }

    /// Refuses an element that has no place where it stands.
    pub(super) fn misplaced(&self, outer: &str) -> Error {
        self.malformed(format!("<{}> inside <{outer}>", self.name))
    }
}

impl Xml {
    pub(super) fn new(source: Source) -> Self {
        let at = source.at.clone();
        let inner = BufReader::with_capacity(256 << 10, source);
        let mut reader = Reader::from_reader(Counted { inner, line: 1, read: 0, token: 0, failure: None });
        reader.config_mut().expand_empty_elements = true;
        Self { reader, buffer: Vec::new(), at, depth: 0 }
    }

    /// The file.
    pub(super) fn at(&self) -> &Location {
        &self.at
    }

    /// The line that is being read.
    pub(super) fn here(&self) -> Box<Location> {
        self.at.line(self.line())
    }

    /// Its number, counted from 1.
    pub(super) fn line(&self) -> u64 {
        self.reader.get_ref().line
    }

    /// Bytes read so far.
    pub(super) fn read(&self) -> u64 {
        self.reader.get_ref().read
    }

    /// The next tag or text; comments and processing instructions are passed over.
    pub(super) fn next(&mut self) -> Result<Token, Error> {
        loop {
            self.buffer.clear();
            self.reader.get_mut().token = 0;
            // The buffer is lent to the event while the location is made.
            let mut buffer = std::mem::take(&mut self.buffer);
            let event = self.reader.read_event_into(&mut buffer);
            let line = self.reader.get_ref().line;
            let token = match event {
                Ok(event) => token(event, &self.at, line),
                Err(error) => Err(match self.reader.get_mut().failure.take() {
                    Some(failure) => failure,
                    None => Error::Malformed { at: self.at.line(line), problem: error.to_string() },
                }),
            };
            self.buffer = buffer;
            match token? {
                None => {}
                Some(Token::Open(tag)) => {
                    self.depth += 1;
                    if self.depth > DEEPEST {
                        return Err(tag.malformed(format!("elements are nested deeper than {DEEPEST}")));
                    }
                    return Ok(Token::Open(tag));
                }
                Some(Token::Close) => {
                    self.depth -= 1;
                    return Ok(Token::Close);
                }
                Some(Token::End) if self.depth > 0 => {
                    let problem = "the file ends inside an element".to_owned();
                    return Err(Error::Malformed { at: self.here(), problem });
                }
                Some(token) => return Ok(token),
            }
        }
    }

    /// The next element inside the one that is open; `None` at its end. Only blanks may stand between.
    pub(super) fn child(&mut self) -> Result<Option<Tag>, Error> {
        loop {
            match self.next()? {
                Token::Open(tag) => return Ok(Some(tag)),
                Token::Close | Token::End => return Ok(None),
                Token::Text(text) if text.bytes().all(|b| b.is_ascii_whitespace()) => {}
                Token::Text(text) => {
                    let text: String = text.trim().chars().take(40).collect();
                    let problem = format!("the text {text:?} between elements");
                    return Err(Error::Malformed { at: self.here(), problem });
                }
            }
        }
    }

    /// The text of the element that was opened, to its end.
    pub(super) fn text(&mut self, tag: &Tag) -> Result<String, Error> {
        let mut text = String::new();
        loop {
            match self.next()? {
                Token::Text(part) => text.push_str(&part),
                Token::Open(inner) => return Err(inner.misplaced(&tag.name)),
                Token::Close | Token::End => return Ok(text),
            }
            if text.len() > LONGEST {
                return Err(too_long(&self.here()));
            }
        }
    }

    /// Passes over the element that was opened.
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        let outside = self.depth - 1;
        while self.depth > outside {
            self.next()?;
        }
        Ok(())
    }
}

/// What an event means; `None` for what is passed over.
fn token(event: Event<'_>, at: &Location, line: u64) -> Result<Option<Token>, Error> {
    let at = at.line(line);
    let malformed = |problem: String| Error::Malformed { at: at.clone(), problem };
    let text = |text: &str| match forbidden(text) {
        Some(c) => Err(malformed(format!("the control character {c:?}"))),
        None => Ok(Some(Token::Text(text.to_owned()))),
    };
    match event {
        Event::Start(start) | Event::Empty(start) => Ok(Some(Token::Open(tag(&start, &at)?))),
        Event::End(_) => Ok(Some(Token::Close)),
        Event::Text(content) => text(&content.xml10_content()),
        Event::CData(content) => text(&content.xml10_content()),
        Event::GeneralRef(name) => match name.resolve_char_ref() {
            Ok(Some(c)) => text(c.encode_utf8(&mut [0; 4])),
            Ok(None) => {
                let name = name.xml10_content();
                let known = escape::resolve_predefined_entity(&name);
                text(known.ok_or_else(|| malformed(format!("the entity &{name}; is not defined")))?)
            }
            Err(error) => Err(malformed(error.to_string())),
        },
        Event::Decl(declaration) => match declaration.encoding() {
            None => Ok(None),
            Some(Ok(name)) if ["utf-8", "utf8", "us-ascii", "ascii"].contains(&name.to_ascii_lowercase().as_str()) => {
                Ok(None)
            }
            Some(Ok(name)) => {
                let what = format!("the encoding {name:?}");
                Err(Error::Unsupported { at, what, remedy: "save the file as UTF-8" })
            }
            Some(Err(error)) => Err(malformed(error.to_string())),
        },
        Event::Comment(_) | Event::PI(_) => Ok(None),
        Event::DocType(_) => Err(Error::Unsupported {
            at,
            what: "a document type (<!DOCTYPE), which can define and fetch text,".to_owned(),
            remedy: "remove it if the file is trusted",
        }),
        Event::Eof => Ok(Some(Token::End)),
    }
}

fn tag(start: &BytesStart<'_>, at: &Location) -> Result<Tag, Error> {
    let name = start.local_name().as_ref().to_owned();
    let malformed = |problem: String| Error::Malformed { at: at.boxed(), problem };
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|e| malformed(e.to_string()))?;
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|e| malformed(e.to_string()))?;
        if let Some(c) = forbidden(&value) {
            return Err(malformed(format!("the control character {c:?}")));
        }
        attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        // Looking for repeated names takes the square of their number.
        if attributes.len() > MOST_ATTRIBUTES {
            return Err(malformed(format!("<{name}> has more than {MOST_ATTRIBUTES} attributes")));
        }
    }
    Ok(Tag { name, attributes, at: at.boxed() })
}

fn too_long(at: &Location) -> Error {
    Error::TooLarge {
        at: at.boxed(),
        what: "a tag or text",
        size: LONGEST as u64 + 1,
        limit: LONGEST as u64,
        remedy: "no attribute of a neuron is as long; is this a graph?",
    }
}

/// Counts lines, and stops where a tag or text gets too long for memory.
struct Counted {
    inner: BufReader<Source>,
    line: u64,
    read: u64,
    /// Bytes of the present tag or text.
    token: usize,
    /// Why reading failed, which quick-xml hands on as text alone.
    failure: Option<Error>,
}

impl Counted {
    fn fail<T>(&mut self, error: Error) -> io::Result<T> {
        self.failure = Some(error);
        Err(io::Error::other("stopped"))
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.token > LONGEST {
            let error = too_long(&self.inner.get_ref().at.line(self.line));
            return self.fail(error);
        }
        if let Err(error) = self.inner.fill_buf()
            && error.kind() != io::ErrorKind::Interrupted
        {
            let error = self.inner.get_ref().explain(error);
            return self.fail(error);
        }
        Ok(self.inner.buffer())
    }

    fn consume(&mut self, n: usize) {
        self.line += self.inner.buffer()[..n].iter().filter(|&&b| b == b'\n').count() as u64;
        self.read += n as u64;
        self.token += n;
        self.inner.consume(n);
    }
}
