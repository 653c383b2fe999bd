//! Archives built to inflate without end or to be read as something else.

use connectome_io::format::{npy, npz};
use connectome_io::{Array, Error, Limits};

use crate::common::Folder;
use crate::{check, refuse};

/// The same members in a directory that lists the first of them `copies` times, under names of one length.
fn listed_again(archive: &[u8], copies: u8) -> Vec<u8> {
    let find = |magic: &[u8]| archive.windows(4).position(|w| w == magic).unwrap();
    let (directory, end) = (find(b"PK\x01\x02"), find(b"PK\x05\x06"));
    let entry = &archive[directory..end];
    let mut bytes = archive[..directory].to_vec();
    for copy in 0..copies {
        let mut entry = entry.to_vec();
        entry[46] = b'a' + copy;
        bytes.extend_from_slice(&entry);
    }
    let size = (entry.len() * usize::from(copies)) as u32;
    let mut tail = archive[end..].to_vec();
    tail[8..12].copy_from_slice(&[copies, 0, copies, 0]);
    tail[12..16].copy_from_slice(&size.to_le_bytes());
    bytes.extend_from_slice(&tail);
    bytes
}

/// Members that share their bytes, as in the densest zip bombs, inflate once each and are counted once each.
#[test]
fn overlapping_members_count_every_time() {
    let f = Folder::new();
    let zeros = npy::to_bytes(&Array::vector(vec![0u8; 1 << 20])).unwrap();
    let one = f.zip("one.npz", &[("a.npy", &zeros)], zip::CompressionMethod::Deflated);
    let path = f.put("many.npz", listed_again(&std::fs::read(one).unwrap(), 20));
    let limits = Limits { inflated: 4 << 20, ..Limits::default() };
    let mut archive = npz::Archive::open(&path, &limits).unwrap();
    let names = archive.names().to_vec();
    assert_eq!(names.len(), 20);
    let read = names.iter().map(|name| archive.read(name)).take_while(Result::is_ok).count();
    assert_eq!(read, 3, "three and a bit fit under the cap");
    check(archive.read(&names[4]).unwrap_err(), &path, is!(Error::TooLarge { .. }));
}

/// Nothing inside of an archive is unpacked a second time.
#[test]
fn archives_in_archives() {
    let f = Folder::new();
    let stored = zip::CompressionMethod::Stored;
    let inner = std::fs::read(f.zip("inner.npz", &[("W.npy", b"")], stored)).unwrap();
    refuse(&f.zip("outer.npz", &[("W.npy", &inner)], stored), is!(Error::Malformed { .. }));
    refuse(&f.zip("other.npz", &[("inner.npz", &inner)], stored), is!(Error::Malformed { .. }));
}
