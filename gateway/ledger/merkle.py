"""Merkle tree hashes as RFC 6962, section 2.1, defines them, over SHA-256.

Leaves and nodes are hashed under different prefixes, so that no node can be passed off as a leaf.
"""

from collections.abc import Iterable
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()
"""Root of the tree without leaves."""


def leaf_hash(content: bytes) -> bytes:
    """Hash of one leaf."""
    return sha256(b"\0" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of a node over its two children."""
    return sha256(b"\1" + left + right).digest()


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Root over leaves in order, read once; holds one hash for each bit of their number."""
    perfect: list[tuple[int, bytes]] = []
    """Roots of perfect subtrees from left to right with their heights, each lower than the one before."""
    for leaf in leaf_hashes:
        height, root = 0, leaf
        while perfect and perfect[-1][0] == height:
            root = node_hash(perfect.pop()[1], root)
            height += 1
        perfect.append((height, root))
    if not perfect:
        return EMPTY_ROOT
    root = perfect.pop()[1]
    while perfect:
        root = node_hash(perfect.pop()[1], root)
    return root
