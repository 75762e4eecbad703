"""The consumer's bench, as far as it goes without a store."""

from pathlib import Path

from bench import gen, pump


def test_the_journal_holds_the_generated_hits(tmp_path: Path) -> None:
    folder = tmp_path / "journal" / "w0"
    size = pump.write_journal(folder, 2_500)
    kept = b"".join(segment.read_bytes() for segment in sorted(folder.glob("*.ndjson")))
    assert len(kept) == size
    assert kept.count(b"\n") == 2_500
    assert abs(size / 2_500 - sum(map(len, gen.lines(2_500))) / 2_500) < 1
