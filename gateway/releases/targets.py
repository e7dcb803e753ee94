"""What a release is: where its model is served from, which weights may leave, and how large it is."""

import re
from collections.abc import Collection

from gateway.releases import values
from gateway.releases.nodes import Faults, Mapping, Node, shown
from gateway.releases.strategies import InferenceTarget, WeightsTarget

MODALITIES = ("text", "image", "audio", "video", "action")
FILES_MAX = 5_000

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def read_inference(node: Node | None, upstreams: Collection[str] | None, faults: Faults) -> InferenceTarget | None:
    """The upstream and the name the model has there."""
    if node is None:
        return None
    fields = values.mapping(node, faults, ("upstream", "model"), ("upstream", "model"))
    upstream, model = values.text(fields.get("upstream"), faults), values.text(fields.get("model"), faults)
    if upstream is None or model is None:
        return None
    if not values.is_word(upstream):
        faults.add(fields["upstream"], f"{shown(upstream)} is no upstream's name: name one that the operator declared")
    elif upstreams is not None and upstream not in upstreams:
        near = values.nearest(upstream, upstreams)
        faults.add(fields["upstream"], f"the operator declared no upstream {shown(upstream)}.{near}")
    return InferenceTarget(upstream, model)


def read_weights(node: Node | None, faults: Faults) -> WeightsTarget | None:
    """The folder of weights and the digest of every file that may leave it."""
    if node is None:
        return None
    fields = values.mapping(node, faults, ("path", "files"), ("path", "files"))
    folder = values.path(fields.get("path"), faults)
    files: dict[str, str] = {}
    listed = fields.get("files")
    for path, pinned in values.named(listed, faults, FILES_MAX).items():
        digest = values.text(pinned, faults)
        if isinstance(listed, Mapping) and not values.is_path(path):
            faults.add_key(
                listed, path, f"{shown(path)} is not a path inside the folder: write it relative, without `..`"
            )
        elif digest is not None and not _DIGEST.fullmatch(digest):
            faults.add(
                pinned, "the file's digest must stand here: `sha256:` and 64 hexadecimal digits, from `sha256sum`"
            )
        elif digest is not None:
            files[path] = digest
    return None if folder is None else WeightsTarget(folder, files)


def read_modality(node: Node | None, faults: Faults) -> tuple[str, ...]:
    """What goes in and comes out."""
    named = values.texts(node, faults)
    for item, name in named:
        if name not in MODALITIES:
            faults.add(item, f"{shown(name)} is no modality.{values.nearest(name, MODALITIES)}")
    return tuple(sorted(name for _, name in named))


def read_flop(node: Node | None, faults: Faults) -> tuple[str, str] | None:
    """The operations of training, as one number or the bounds of an estimate."""
    return read_bounds(node, faults, "of operations", "[6.0e25, 9.0e25]", above_zero=True)


def read_bounds(
    node: Node | None, faults: Faults, of_what: str, example: str, *, above_zero: bool = False
) -> tuple[str, str] | None:
    """One number, or the bounds of an estimate, as decimal text: `6e25`."""
    bounds = [values.decimal(item, faults) for item in ([] if node is None else values.sequence(node, faults))]
    known = [bound for bound in bounds if bound is not None]
    if node is None or not known or len(known) < len(bounds):
        return None
    if len(known) > 2 or known[0] > known[-1] or (above_zero and not known[0]):
        faults.add(node, f"write one number {of_what}, or the bounds of an estimate as {example}")
        return None
    low, high = (f"{bound.normalize():e}".replace("e+", "e") for bound in (known[0], known[-1]))
    return low, high
