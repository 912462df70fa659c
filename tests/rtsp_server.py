"""A real RTSP server on the loopback address, in a process that can be killed and frozen: GStreamer's.

It needs Debian's gir1.2-gst-rtsp-server-1.0, python3-gi and gstreamer1.0-plugins-{base,good,ugly}, and the Python of
the system that they belong to.
"""

import os
import signal
import socket
import subprocess

SYSTEM_PYTHON = "/usr/bin/python3"
PROGRAM = """
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
port, width, height, fps = sys.argv[1:]
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_shared(True)
factory.set_launch(
    "( videotestsrc is-live=true pattern=ball"
    f" ! video/x-raw,format=I420,width={width},height={height},framerate={fps}/1"
    f" ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max={fps} ! rtph264pay name=pay0 pt=96 )"
)
server.get_mount_points().add_factory("/live", factory)
elements = ("videotestsrc", "x264enc", "rtph264pay")
missing = [name for name in elements if Gst.ElementFactory.find(name) is None]
if missing or not server.attach(None):
    sys.exit(f"cannot serve; missing: {missing}")
print("ready", flush=True)
GLib.MainLoop().run()
"""


class RtspServer:
    """Serves `/live`: a ball that walks, `fps` frames a second of `size`, once it is started."""

    def __init__(self, fps: int = 25, size: tuple[int, int] = (48, 64)) -> None:
        self._fps, self._size = fps, size
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        return f"rtsp://me:secret@127.0.0.1:{self._port}/live"

    def start(self) -> None:
        """Serve, from now on or again. Raises OSError where GStreamer's RTSP server is not installed."""
        arguments = [str(number) for number in (self._port, self._size[1], self._size[0], self._fps)]
        self._process = subprocess.Popen(
            [SYSTEM_PYTHON, "-c", PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            _, errors = self._process.communicate()
            raise OSError((errors.strip().splitlines() or ["no RTSP server"])[-1])

    def freeze(self) -> None:
        """Hang without closing anything."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def cut(self) -> None:
        """Go away without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
