"""The three neural networks of the Face Landmarker, each behind one call from array to arrays."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from reportgen.errors import BuildError

__all__ = ["SHA256", "Network", "data_file"]

SHA256 = {
    "canonical478_fer2013.npy": "89be331045c4c4159d95d147f5f55ed176341373cbf818cb7f8b66e4b97053ca",
    "canonical478_mux.npy": "5698ab0fc1d35ba50a1e5f4f986fecbfbfc401c22aa661c1e5e1ef2aba48e882",
    "face_blendshapes.tflite": "4f36dded049db18d76048567439b2a7f58f1daabc00d78bfe8f3ad396a2d2082",
    "face_detector.tflite": "b4578f35940bf5a1a655214a1cce5cab13eba73c1297cd78e1a04c2380b0152f",
    "face_landmarks_detector.tflite": "c7d54204ce0448474c7f3fa9af494787c0965cbdd6f20fc72867e43046bd43d5",
    "mean478_demo.npy": "a616722f6052b9d0751712a2a36226492ee8456ee003662b6bef72a98ee38d47",
}
"""What ships in `data/`, and the SHA-256 that each file must have."""

_DATA = Path(__file__).parent / "data"
_CHATTER = b"INFO: Created TensorFlow Lite XNNPACK delegate"
_creating = threading.Lock()


def data_file(name: str) -> bytes:
    """The content of one of the shipped files, checked against its SHA-256.

    Raises
    ------
    BuildError
        The file is missing or is not the one that was shipped.
    """
    try:
        content = (_DATA / name).read_bytes()
    except OSError as error:
        raise BuildError(f"{_DATA / name}: cannot be read ({error.strerror}); reinstall reportgen") from None
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[name]:
        raise BuildError(
            f"{_DATA / name}: sha256 is {found[:16]}..., expected {SHA256[name][:16]}...; reinstall reportgen"
        )
    return content


class Network:
    """One network with one input.

    Parameters
    ----------
    name
        One of the `.tflite` files in `SHA256`.
    threads
        Threads that one call uses.

    Raises
    ------
    BuildError
        The runtime or the file cannot be loaded.

    Notes
    -----
    An interpreter owns its buffers, so one `Network` must not be called by two threads at once.
    """

    def __init__(self, name: str, threads: int = 1) -> None:
        # The interpreter reads its weights in place: the bytes must live as long as it does.
        self._content = data_file(name)
        with _creating, _quiet_creation():
            try:
                from ai_edge_litert.interpreter import Interpreter

                self._interpreter: Any = Interpreter(model_content=self._content, num_threads=threads)
                self._interpreter.allocate_tensors()
            except (ImportError, OSError, RuntimeError, ValueError) as error:
                raise BuildError(
                    f"{name}: the face landmark runtime does not start ({error}); "
                    "reinstall ai-edge-litert, or build with --regions template"
                ) from None
        details = self._interpreter.get_input_details()[0]
        self._input = int(details["index"])
        self.shape: tuple[int, ...] = tuple(int(size) for size in details["shape"])
        self._outputs = [int(output["index"]) for output in self._interpreter.get_output_details()]

    def __call__(self, values: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        """Run the network.

        Parameters
        ----------
        values
            float32 of `self.shape`.

        Returns
        -------
        list of float32 arrays
            Copies of the outputs, in the network's own order.
        """
        self._interpreter.set_tensor(self._input, values)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


@contextlib.contextmanager
def _quiet_creation() -> Iterator[None]:
    """Keep the runtime's greeting off the terminal and let every other line through.

    The C++ side writes to file descriptor 2 and has no switch for it, so the descriptor is pointed at a
    temporary file for the few milliseconds that creation takes. Creation is serialised by the caller.
    """
    try:
        sys.stderr.flush()
        saved = os.dup(2)
    except (AttributeError, OSError, ValueError):  # no stderr at all: nothing to keep quiet
        yield
        return
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            caught.seek(0)
            for line in caught:
                if not line.startswith(_CHATTER):
                    os.write(2, line)
