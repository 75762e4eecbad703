"""Content codings both ways, whole and cut short, and bodies that are too long."""

import gzip
import os
import zlib
from collections.abc import Callable

import cramjam
import lz4.frame
import pytest
from backports import zstd

from deploy.embedded_store.compression import PIECE_BYTES_MAX, choose_coding, decoder_for
from deploy.embedded_store.errors import StoreError
from tests.support.store import StoreProcess

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "lz4": lz4.frame.compress,
    "zstd": zstd.compress,
    "br": lambda data: bytes(cramjam.brotli.compress(data, level=1)),
}
EXPAND: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "lz4": lz4.frame.decompress,
    "zstd": zstd.decompress,
    "br": lambda data: bytes(cramjam.brotli.decompress(data)),
}
BODY = b"text that repeats " * 300_000 + os.urandom(100_000)


@pytest.mark.parametrize("step", [1000, 70_000, 10_000_000])
@pytest.mark.parametrize("coding", COMPRESS)
def test_decoder(coding: str, step: int) -> None:
    frames = 1 if coding in ("deflate", "br") else 2
    data = COMPRESS[coding](BODY) * frames
    decoder = decoder_for(coding)
    pieces = [
        out for at in range(0, len(data), step) for out in decoder.decode(data[at : at + step])
    ]
    assert coding == "br" or max(map(len, pieces)) <= PIECE_BYTES_MAX
    assert b"".join([*pieces, *decoder.finish()]) == BODY * frames


@pytest.mark.parametrize("coding", COMPRESS)
def test_decoder_refuses_a_cut_body(coding: str) -> None:
    decoder = decoder_for(coding)
    with pytest.raises(StoreError, match="CANNOT_DECOMPRESS"):
        list(decoder.decode(COMPRESS[coding](BODY)[:-5])), list(decoder.finish())


@pytest.mark.parametrize("coding", COMPRESS)
def test_decoder_refuses_another_coding(coding: str) -> None:
    decoder = decoder_for(coding)
    with pytest.raises(StoreError, match="CANNOT_DECOMPRESS"):
        list(decoder.decode(b"plain text, not compressed")), list(decoder.finish())


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("", ""),
        ("identity", ""),
        ("gzip, deflate, br", "gzip"),
        ("lz4,zstd,gzip,deflate", "lz4"),
        ("GZIP;q=0.5", "gzip"),
        ("gzip;q=0, br", "br"),
    ],
)
def test_choice_of_coding(header: str, coding: str) -> None:
    assert choose_coding(header) == coding


@pytest.mark.real
@pytest.mark.parametrize("coding", COMPRESS)
def test_insert(store: StoreProcess, table: str, coding: str) -> None:
    lines = b"".join(b"%d\tvalue\n" % n for n in range(200_000))
    headers = {"Content-Encoding": coding}
    reply = store.query(
        f"INSERT INTO {table} FORMAT TSV", body=COMPRESS[coding](lines), headers=headers
    )
    assert reply.status == 200, reply.text
    assert store.must(f"SELECT count(), sum(n) FROM {table}") == "200000\t19999900000"


@pytest.mark.real
def test_cut_insert_inserts_nothing(store: StoreProcess, table: str) -> None:
    body = gzip.compress(b"1\ta\n" * 1000)[:-4]
    sql = f"INSERT INTO {table} FORMAT TSV"
    reply = store.query(sql, body=body, headers={"Content-Encoding": "gzip"})
    assert reply.headers["X-ClickHouse-Exception-Code"] == "271"
    assert store.must(f"SELECT count() FROM {table}") == "0"


@pytest.mark.real
@pytest.mark.parametrize("rows", [1, 1_000_000])
@pytest.mark.parametrize("coding", EXPAND)
def test_answer(store: StoreProcess, coding: str, rows: int) -> None:
    sql = f"SELECT number FROM numbers({rows})"
    headers = {"Accept-Encoding": coding}
    reply = store.query(sql, headers=headers, enable_http_compression=1)
    assert reply.headers["Content-Encoding"] == coding
    assert EXPAND[coding](reply.body) == b"".join(b"%d\n" % n for n in range(rows))
    assert "Content-Encoding" not in store.query(sql, headers=headers).headers


@pytest.mark.real
def test_errors_are_never_compressed(store: StoreProcess) -> None:
    reply = store.query(
        "SELECT nope", headers={"Accept-Encoding": "gzip"}, enable_http_compression=1
    )
    assert reply.text.startswith("Code: 47.")


@pytest.mark.real
def test_unknown_coding(store: StoreProcess) -> None:
    reply = store.query("SELECT 1", headers={"Content-Encoding": "snappy"})
    assert reply.headers["X-ClickHouse-Exception-Code"] == "89"
