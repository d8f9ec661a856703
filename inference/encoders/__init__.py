"""Small models beside the chat model: sentence vectors and the embedded guard's classifier.

The official builds of ONNX Runtime report their use to their maker. That is switched off here, before the library is
loaded: later it would have sent its first report and kept an identifier of this machine already.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
