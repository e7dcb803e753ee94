"""The image is built where the heavy tests are run whole."""

import os

collect_ignore = [] if os.environ.get("RELEASE_GATEWAY_SOAK") == "1" else ["test_image_built.py"]
