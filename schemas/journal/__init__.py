"""The journal: append-only NDJSON segments on a local disk. This page is its specification.

Layout of one journal's folder (one folder per collector worker)::

    identity                      a UUID made with the folder; names the journal for ever
    lock                          held (flock) by the one writer while it lives
    <reader>.lock                 held (flock) by the one process that reads as that reader
    00000000000000000000.ndjson   a segment; its name is the position of its first byte
    00000000000067108932.ndjson   the newest segment, the only one that grows
    <reader>.checkpoint           how far a reader is, replaced atomically

A position is a count of bytes since the journal's birth and always means the next byte to read. It
never goes back and never stands for two different lines, so ``identity:start-end`` names a range of
lines for ever (a deleted and re-made folder has another identity).

Invariants:

1. A line ends with a newline and is written by one writer with ``write(2)`` in append mode. A line
   whose newline is in the file is kept; bytes after the last newline were never answered.
2. A writer that opens a journal cuts such bytes off and starts a new segment at the end, or at the
   furthest checkpoint if that is larger (a power cut may have taken lines that were already read).
3. A segment that is not the newest never changes. When every configured reader's checkpoint is at
   or past its end, any reader may delete it; the newest may go too if no writer holds the lock.
4. A failed or short write leaves whole lines only: what follows the last whole line is cut off.

Created by the writer: identity, lock, segments. Created by a reader: its checkpoint. The file
system must be local (flock, atomic rename). Nothing here waits for a network.
"""
