//! An open file of a log: what it holds, how much of it was read, and how it is known again.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use uuid::Uuid;

use super::siblings::{Key, Sibling};
use crate::checkpoint::FileId;
use crate::source::compression::{Compression, Counted};

/// How much of a file's beginning is hashed: several events, which differ by their ids and times.
const HEAD: usize = 1 << 10;

/// A file, open for as long as it is read: it can be renamed or deleted meanwhile.
pub(super) struct LogFile {
    file: File,
    content: Content,
    id: FileId,
    /// The first bytes, at most [`HEAD`].
    head: Vec<u8>,
    /// The next byte, counted without compression.
    offset: u64,
}

enum Content {
    /// `LogFile::file` itself.
    Plain,
    Compressed {
        bytes: Box<dyn Read + Send>,
        /// Bytes of the compressed file that were taken.
        taken: Arc<AtomicU64>,
    },
    /// Compressed, and broken from here, which is said once.
    Broken(Option<io::Error>),
}

impl LogFile {
    /// Opens a file that was listed, at its beginning.
    pub(super) fn open(sibling: &Sibling) -> io::Result<Self> {
        let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", sibling.path.display()));
        let mut file = File::open(&sibling.path).map_err(named)?;
        if Key::of(&file.metadata()?) != sibling.key {
            return Err(named(io::Error::other("was renamed while it was opened")));
        }
        let mut magic = [0; Compression::MAGIC];
        let told = file.read_at(&mut magic, 0)?;
        let compression = Compression::of(&magic[..told]);
        let mut head = Vec::with_capacity(HEAD);
        let content = if compression == Compression::None {
            file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
            file.rewind()?;
            Content::Plain
        } else {
            let taken = Arc::default();
            let mut bytes = compression.undo(Counted::new(file.try_clone()?, Arc::clone(&taken)))?;
            // what is broken is told by whoever reads on
            let _ = bytes.by_ref().take(HEAD as u64).read_to_end(&mut head);
            Content::Compressed { bytes: Box::new(Cursor::new(head.clone()).chain(bytes)), taken }
        };
        let Key { device, inode } = sibling.key;
        let id = FileId { device, inode, head: hash(&head), head_bytes: len(&head) };
        Ok(Self { file, content, id, head, offset: 0 })
    }

    pub(super) const fn id(&self) -> &FileId {
        &self.id
    }

    pub(super) const fn key(&self) -> Key {
        Key { device: self.id.device, inode: self.id.inode }
    }

    pub(super) const fn is_compressed(&self) -> bool {
        !matches!(self.content, Content::Plain)
    }

    /// Whether it begins as the file did that `id` was given to, which may have been shorter then.
    pub(super) fn begins_as(&self, id: &FileId) -> bool {
        usize::try_from(id.head_bytes)
            .ok()
            .and_then(|bytes| self.head.get(..bytes))
            .is_some_and(|head| hash(head) == id.head)
    }

    /// Goes on at `offset`, or at its end if that comes first; says where that is.
    pub(super) fn skip_to(&mut self, offset: u64) -> io::Result<u64> {
        self.offset = match &mut self.content {
            Content::Plain => self.file.seek(SeekFrom::Start(offset.min(self.file.metadata()?.len())))?,
            Content::Compressed { bytes, .. } => match io::copy(&mut bytes.take(offset), &mut io::sink()) {
                Ok(skipped) => skipped,
                Err(e) => {
                    self.content = Content::Broken(Some(e));
                    offset
                }
            },
            Content::Broken(_) => offset,
        };
        Ok(self.offset)
    }

    /// Bytes on disk that were not read.
    pub(super) fn left(&self) -> io::Result<u64> {
        let read = match &self.content {
            Content::Plain => self.offset,
            Content::Compressed { taken, .. } => taken.load(Ordering::Relaxed),
            Content::Broken(_) => return Ok(0),
        };
        Ok(self.file.metadata()?.len().saturating_sub(read))
    }

    /// Whether it became shorter than what was read of it.
    pub(super) fn is_truncated(&self) -> io::Result<bool> {
        Ok(!self.is_compressed() && self.file.metadata()?.len() < self.offset)
    }

    pub(super) fn modified(&self) -> io::Result<SystemTime> {
        self.file.metadata()?.modified()
    }

    /// Reads no further: what comes cannot be decompressed.
    pub(super) fn give_up(&mut self) {
        self.content = Content::Broken(None);
    }

    /// Goes back to the beginning of a file that has another content now.
    pub(super) fn begin_again(&mut self) -> io::Result<()> {
        self.file.rewind()?;
        self.offset = 0;
        self.head.clear();
        (self.id.head, self.id.head_bytes) = (hash(&self.head), len(&self.head));
        Ok(())
    }

    /// A young file's head grows with it.
    fn lengthen_head(&mut self, read: &[u8]) {
        let known = (self.head.len() as u64).checked_sub(self.offset).and_then(|known| usize::try_from(known).ok());
        if let Some(new) = known.and_then(|known| read.get(known..)).filter(|_| self.head.len() < HEAD) {
            let room = HEAD - self.head.len();
            self.head.extend(new.iter().take(room));
            (self.id.head, self.id.head_bytes) = (hash(&self.head), len(&self.head));
        }
    }
}

impl Read for LogFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = match &mut self.content {
            Content::Plain => self.file.read(buffer)?,
            Content::Compressed { bytes, .. } => bytes.read(buffer)?,
            Content::Broken(e) => e.take().map_or(Ok(0), Err)?,
        };
        self.lengthen_head(&buffer[..n]);
        self.offset += n as u64;
        Ok(n)
    }
}

/// The same in every version of the program: it is kept on disk.
fn hash(head: &[u8]) -> u64 {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, head).as_u64_pair().0
}

fn len(head: &[u8]) -> u32 {
    u32::try_from(head.len()).expect("a head is at most a KiB")
}
