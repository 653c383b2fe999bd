//! Writes a report as HTML.

use std::collections::BTreeSet;

use super::{Block, revision};
use crate::figure::escape;

/// Readable in light and dark, on screens of any width and on paper. Figures keep their white paper.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1f2328;--soft:#57606a;--paper:#fff;--line:#d8dee4;--shade:#f6f8fa}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9da7b1;--paper:#0d1117;--line:#30363d;--shade:#161b22}}
body{max-width:78rem;margin:2rem auto;padding:0 1rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
h1{font-size:1.7rem;margin:0 0 1rem}h2{font-size:1.25rem;margin:2rem 0 .5rem}
table{border-collapse:collapse;margin:1rem 0;font-size:.9rem;display:block;overflow-x:auto}
caption{text-align:left;color:var(--soft);padding:.2rem 0}
th,td{text-align:left;padding:.2rem .8rem;border-bottom:1px solid var(--line);vertical-align:top}
th{background:var(--shade)}.n{text-align:right;font-variant-numeric:tabular-nums}
figure{margin:1.5rem 0}figure>div{overflow-x:auto}figure svg{background:#fff;border-radius:6px;max-width:100%;height:auto}
figcaption,footer{color:var(--soft);font-size:.9rem}
pre{background:var(--shade);padding:.8rem;overflow-x:auto;font-size:.85rem;border-radius:6px}
details{border:1px solid var(--line);border-radius:6px;padding:.5rem 1rem;margin:1rem 0}summary{cursor:pointer;font-weight:600}
footer{margin-top:3rem;border-top:1px solid var(--line);padding-top:.5rem}
";

pub(super) fn document(title: &str, blocks: &[Block]) -> String {
    let name = escape(title);
    // The policy holds even if a file was tampered with: nothing is run and nothing is loaded.
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{name}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<h1>{name}</h1>\n"
    );
    let mut page = Page { glyphs: BTreeSet::new() };
    blocks.iter().for_each(|block| page.block(&mut out, block));
    let revision =
        revision().map_or_else(String::new, |all| format!(", revision {}", escape(&all[..all.len().min(12)])));
    out.push_str(&format!(
        "</main>\n<footer>Written by {} {}{revision}.</footer>\n</body>\n</html>\n",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION")
    ));
    out
}

/// A page while it is written.
struct Page {
    /// Names of the glyphs that are there already.
    glyphs: BTreeSet<String>,
}

impl Page {
    fn block(&mut self, out: &mut String, block: &Block) {
        match block {
            Block::Text(text) => out.push_str(&format!("<p>{}</p>\n", escape(text))),
            Block::Heading(text) => out.push_str(&format!("<h2>{}</h2>\n", escape(text))),
            Block::Code(text) => out.push_str(&format!("<pre>{}</pre>\n", lines(text))),
            Block::Values(values) => {
                out.push_str("<table>\n");
                for (name, value) in values {
                    out.push_str(&format!("<tr><th scope=\"row\">{}</th>{}</tr>\n", escape(name), cell(value)));
                }
                out.push_str("</table>\n");
            }
            Block::Table(table) => {
                out.push_str("<table>\n");
                if !table.caption().is_empty() {
                    out.push_str(&format!("<caption>{}</caption>\n", escape(table.caption())));
                }
                let heads = table.columns().iter().map(|name| format!("<th scope=\"col\">{}</th>", escape(name)));
                out.push_str(&format!("<thead><tr>{}</tr></thead>\n<tbody>\n", heads.collect::<String>()));
                for row in table.rows() {
                    out.push_str(&format!("<tr>{}</tr>\n", row.iter().map(|text| cell(text)).collect::<String>()));
                }
                out.push_str("</tbody>\n</table>\n");
            }
            Block::Picture(caption, svg) => {
                out.push_str("<figure>\n<div>\n");
                self.picture(out, svg);
                out.push_str(&format!("</div>\n<figcaption>{}</figcaption>\n</figure>\n", escape(caption)));
            }
            Block::Section(title, blocks) => {
                out.push_str(&format!("<details>\n<summary>{}</summary>\n", escape(title)));
                blocks.iter().for_each(|block| self.block(out, block));
                out.push_str("</details>\n");
            }
        }
    }

    /// Writes an SVG of this crate without the glyphs that the page has already: the names of equal glyphs are equal.
    fn picture(&mut self, out: &mut String, svg: &str) {
        for line in svg.split_inclusive('\n') {
            let glyph = line.strip_prefix("<path id=\"").and_then(|rest| rest.split('"').next());
            if glyph.is_none_or(|name| self.glyphs.insert(name.to_owned())) {
                out.push_str(line);
            }
        }
    }
}

/// Escapes text and keeps its lines.
fn lines(text: &str) -> String {
    text.trim_end().lines().map(escape).collect::<Vec<_>>().join("\n")
}

/// Numbers stand right.
fn cell(text: &str) -> String {
    let number = text.replace(['−', ','], "").trim_start_matches('-').parse::<f64>().is_ok();
    format!("<td{}>{}</td>", if number { " class=\"n\"" } else { "" }, escape(text))
}
