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


class Tree:
    """A tree that only grows, of which every root on the way can be had; holds one hash for each bit of its size."""

    __slots__ = ("_perfect", "size")

    def __init__(self) -> None:
        self.size = 0
        self._perfect: list[tuple[int, bytes]] = []
        """Roots of perfect subtrees from left to right with their heights, each lower than the one before."""

    def add(self, leaf: bytes) -> None:
        """Take one leaf's hash in, behind the others."""
        perfect, height, root = self._perfect, 0, leaf
        while perfect and perfect[-1][0] == height:
            root = node_hash(perfect.pop()[1], root)
            height += 1
        perfect.append((height, root))
        self.size += 1

    def root(self) -> bytes:
        """Root over the leaves so far."""
        if not self._perfect:
            return EMPTY_ROOT
        *left, (_, root) = self._perfect
        for _, subtree in reversed(left):
            root = node_hash(subtree, root)
        return root


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Root over leaves in order, read once."""
    tree = Tree()
    for leaf in leaf_hashes:
        tree.add(leaf)
    return tree.root()
