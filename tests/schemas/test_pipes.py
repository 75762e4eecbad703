"""A pipe's descriptor is closed once, whatever other threads open meanwhile."""

import os
import threading

import uvloop

from schemas.pipes import read_pipe

PIPES = 3_000


def test_no_other_threads_file_is_closed() -> None:
    stop = threading.Event()
    lost: list[OSError] = []

    def open_and_close() -> None:
        while not stop.is_set():
            descriptor = os.open("/dev/null", os.O_RDONLY)
            try:
                os.close(descriptor)
            except OSError as error:
                lost.append(error)

    async def read_many() -> None:
        for number in range(PIPES):
            read_end, write_end = os.pipe()
            reader, transport = await read_pipe(read_end)
            os.write(write_end, b"%d" % number)
            os.close(write_end)
            assert await reader.read() == b"%d" % number
            transport.close()

    thread = threading.Thread(target=open_and_close)
    thread.start()
    try:
        uvloop.run(read_many())
    finally:
        stop.set()
        thread.join()
    assert lost == []
