"""The image, built by a real builder on a base made here, and run as the chart runs it.

No registry of images is asked: the base is a Debian made by debootstrap. No container is run, for which machines of
tests lack the rights: the root of the image is entered with what the chart demands of a container, read-only, nobody's
user, no capability. Needs root, buildah and debootstrap, and takes minutes: `make soak ARGS=tests/helm`.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.fakes.gateway import free_port
from tests.helm.charts import ROOT, tool

SUITE = "bookworm"
PATIENCE_S = 90.0
INSIDE = """
root=$1; shift
mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o uid=10001,gid=10001,mode=0700 tmpfs "$root/data"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
for device in null zero random urandom; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
exec env -i PATH=/opt/gateway/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp PYTHONDONTWRITEBYTECODE=1 GATEWAY_DATA=/data \
    /usr/sbin/chroot "$root" setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs \
    --bounding-set=-all --inh-caps=-all -- "$@"
"""

pytestmark = pytest.mark.soak


class Builder:
    """buildah, with its images in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._command = [tool("buildah"), "--root", str(folder / "images"), "--runroot", str(folder / "run")]

    def run(self, *words: str) -> str:
        """The last line of what a command says."""
        environment = os.environ | {"BUILDAH_ISOLATION": "chroot"}
        ran = subprocess.run([*self._command, *words], env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
        return (ran.stdout.strip().splitlines() or [""])[-1]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root of the built image."""
    folder = tmp_path_factory.mktemp("image")
    base = folder / "base"
    made = [
        tool("debootstrap"),
        "--variant=minbase",
        "--include=python3,python3-venv,ca-certificates",
        SUITE,
        str(base),
    ]
    subprocess.run(made, check=True, capture_output=True)
    subprocess.run(["tar", "-C", base, "-cf", folder / "base.tar", "--exclude=./dev", "."], check=True)
    (folder / "Containerfile").write_text("FROM scratch\nADD base.tar /\n")
    builder = Builder(folder)
    builder.run("build", "-t", "localhost/base", str(folder))
    shared = [f"--volume={path}:{path}:ro" for path in ("/etc/ssl/certs", "/etc/resolv.conf")]
    builder.run("build", "--build-arg", "BASE=localhost/base", *shared, "-t", "localhost/release-gateway", str(ROOT))
    container = builder.run("from", "localhost/release-gateway")
    yield Path(builder.run("mount", container))
    builder.run("rm", "--all")


@contextmanager
def inside(root: Path, *command: str) -> "Iterator[subprocess.Popen[str]]":
    """A command as in a container of the chart."""
    entered = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", INSIDE, "sh", str(root), *command]
    process = subprocess.Popen(entered, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            # What runs as somebody else does not end with who began it: the kernel forgets that at the change.
            for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
            process.kill()
        process.wait()


def test_the_image_serves_as_nobody_with_a_read_only_root(root: Path) -> None:
    port = free_port()

    with inside(root, "gateway", "serve", "--demo", "--host", "127.0.0.1", "--port", str(port)) as process:
        until, ready = time.monotonic() + PATIENCE_S, 0
        while ready != 200 and time.monotonic() < until:
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.2)
            try:
                ready = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code
            except httpx.TransportError:
                continue
    assert ready == 200


def test_nothing_in_the_image_can_be_written_and_nothing_builds_in_it(root: Path) -> None:
    tried = "id -u; touch /opt/gateway/x || echo kept; touch /data/x && echo taken; grep CapBnd /proc/self/status"

    with inside(root, "sh", "-c", tried) as process:
        said = process.communicate(timeout=PATIENCE_S)[0]

    assert "10001" in said and "kept" in said and "taken" in said and "CapBnd:\t0000000000000000" in said
    assert (root / "opt/gateway/sbom.cdx.json").is_file()
    assert not (root / "opt/gateway/bin/pip").exists()


def test_every_command_of_the_image_is_there(root: Path) -> None:
    with inside(root, "gateway", "policy", "build", "--output", "/tmp/bundle.tar.gz") as process:
        said = process.communicate(timeout=PATIENCE_S)[0]

    assert process.returncode == 0 and "policies as sha256:" in said, said
