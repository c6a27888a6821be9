"""Code that takes all there is, and code after which a notebook says nothing more."""

from __future__ import annotations

# Each hits a limit. One that got what it asked for says so.
BOMBS = {
    "fork bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: break",
    "threads": "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(99,)).start()",
    "memory": "everything = []\nwhile True: everything.append(bytearray(1 << 24))",
    "shared memory": "import mmap\nkept = [mmap.mmap(-1, 1 << 27) for _ in range(400)]\nprint('GOT' + ' IT')",
    "files": (
        "for n in range(10**6):\n    with open(f'/tmp/{n}', 'wb') as file:\n        file.write(bytes(1 << 20))\n"
        "print('GOT' + ' IT')"
    ),
    "shared memory's folder": (
        "for n in range(10):\n    with open(f'/dev/shm/{n}', 'wb') as file:\n        file.write(bytes(1 << 22))\n"
        "print('GOT' + ' IT')"
    ),
    "one file": "open('x', 'wb').write(bytes(1 << 25))\nprint('GOT' + ' IT')",
    "prints": "while True: print('x' * 1000)",
    "displays": "from IPython.display import display\nwhile True: display({'text/plain': 'x' * 10_000}, raw=True)",
    "no end, not to be interrupted": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
}

# Ordinary nbgrader tests take silence for success, so a notebook must not be able to fall silent. Answers, by way.
WAYS = {
    "the kernel ends": "import os\nos._exit(0)",
    "the kernel crashes": "import ctypes\nctypes.string_at(0)",
    "the kernel kills itself": "import os, signal\nos.kill(1, signal.SIGKILL)\nos.kill(0, signal.SIGKILL)",
    "the kernel is asked to stop": "exit()",
    "an error whose text cannot be sent": "def double(x):\n    raise ValueError('\\ud800')",
    "an error that cannot be shown": (
        "class Mute(Exception):\n    def __str__(self): raise SystemExit\n"
        "    __repr__ = __str__\ndef double(x):\n    raise Mute"
    ),
    "more at once than a message may hold": "print('x' * 100_000_000)",
}
