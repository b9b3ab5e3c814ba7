"""Packs a folder with `bin/ripple` and `share/ripple` as an archive, as a wheel and as an npm package, beside it.

    python pack.py FOLDER VERSION ARCH

The same files give the same packages, because the entries have a fixed time, owner and order.
"""

import base64
import gzip
import hashlib
import io
import json
import sys
import tarfile
import zipfile
from pathlib import Path

ABOUT = "ripple: records in DynamoDB that a whole team edits at once, on the command line"
# The C library that the program is linked against. pip refuses the wheel on an older one.
GLIBC = "2_34"
# Names of the processors, as Rust's is to npm and to Python.
CPUS = {"x86_64": ("x64", "x86_64"), "arm64": ("arm64", "aarch64")}
README = f"""# {{name}}

{ABOUT}. The package has the program `ripple` and the files in `share/ripple`
that it needs. `ripple dev` starts the API on this machine, and `ripple init DIR` begins a project.
"""


def main(tree, version, arch):
    tree = Path(tree)
    program, shared = tree / "bin/ripple", sorted(path for path in (tree / "share").rglob("*") if path.is_file())
    program.chmod(0o755)
    add_sums(tree)
    whole = sorted(path for path in tree.rglob("*") if path.is_file())
    write_tar(tree.with_name(f"{tree.name}.tar.gz"), ((f"{tree.name}/{at(tree, path)}", path) for path in whole))
    parts = [("bin/ripple", program), *((at(tree, path), path) for path in shared)]
    parts += [(name, tree / name) for name in ("LICENSE-APACHE", "LICENSE-MIT")]
    write_wheel(tree.parent, version, arch, parts)
    write_npm(tree.parent, version, arch, parts)


def at(tree, path):
    return path.relative_to(tree).as_posix()


def add_sums(tree):
    """Writes the form that `sha256sum --check` reads."""
    files = sorted(path for path in tree.rglob("*") if path.is_file())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {at(tree, path)}\n" for path in files]
    (tree / "SHA256SUMS").write_text("".join(lines))


def write_tar(to, files):
    """Writes a compressed tar file. A file is a path or bytes. Programs are executable."""
    with open(to, "wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name, file in files:
                content = file if isinstance(file, bytes) else file.read_bytes()
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(content), 0o755 if is_program(name) else 0o644
                archive.addfile(entry, io.BytesIO(content))
    print(to)


def is_program(name):
    return name.endswith(("bin/ripple", "function/bootstrap", "create.js"))


def write_wheel(folder, version, arch, parts):
    """https://packaging.python.org/en/latest/specifications/binary-distribution-format/"""
    tag = f"py3-none-manylinux_{GLIBC}_{CPUS[arch][1]}"
    name = f"ripple_cli-{version}"
    metadata = "Metadata-Version: 2.4\nName: ripple-cli\n" f"Version: {version}\nSummary: {ABOUT}\n"
    metadata += "License-Expression: MIT OR Apache-2.0\nLicense-File: LICENSE-APACHE\nLicense-File: LICENSE-MIT\n"
    metadata += f"Description-Content-Type: text/markdown\n\n{README.format(name='ripple-cli')}"
    wheel = f"Wheel-Version: 1.0\nGenerator: xtask\nRoot-Is-Purelib: false\nTag: {tag}\n"
    files = []
    for path, file in parts:
        place = {"bin": f"{name}.data/scripts/", "sha": f"{name}.data/data/"}.get(path[:3], f"{name}.dist-info/licenses/")
        files.append((place + path.removeprefix("bin/"), file.read_bytes()))
    files += [(f"{name}.dist-info/METADATA", metadata.encode()), (f"{name}.dist-info/WHEEL", wheel.encode())]
    record = "".join(f"{path},sha256={digest(content)},{len(content)}\n" for path, content in files)
    files.append((f"{name}.dist-info/RECORD", f"{record}{name}.dist-info/RECORD,,\n".encode()))
    to = folder / f"{name}-{tag}.whl"
    with zipfile.ZipFile(to, "w") as archive:
        for path, content in files:
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            mode = 0o100755 if path.endswith(("scripts/ripple", "function/bootstrap")) else 0o100644
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, mode << 16
            archive.writestr(entry, content)
    print(to)


def digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def write_npm(folder, version, arch, parts):
    """https://docs.npmjs.com/cli/configuring-npm/package-json"""
    cpu = CPUS[arch][0]
    package = {
        "name": "create-ripple",
        "version": version,
        "description": ABOUT,
        "license": "MIT OR Apache-2.0",
        "bin": {"create-ripple": "create.js", "ripple": "bin/ripple"},
        "os": ["linux"],
        "cpu": [cpu],
        "libc": ["glibc"],
    }
    own = [
        ("package.json", json.dumps(package, indent=2).encode()),
        ("README.md", README.format(name="create-ripple").encode()),
        ("create.js", Path(__file__).with_name("create.js").read_bytes()),
    ]
    to = folder / f"create-ripple-{version}-linux-{arch}.tgz"
    write_tar(to, ((f"package/{path}", file) for path, file in [*own, *parts]))


if __name__ == "__main__":
    main(*sys.argv[1:])
