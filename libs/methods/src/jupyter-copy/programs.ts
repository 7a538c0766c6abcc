/**
 * Programs that run in the user's kernel. They are constant: what they work on is the variable `data`, what they found
 * the variable `result`, both JSON. Each may be run twice. The kernel is the user's, so what they find proves nothing.
 */

/** What a program is told of one thing in a tree, or of a single file (with an empty path). */
export type KernelEntry =
  | { kind: 'file'; path: string; size: number; sha256: string; mtimeNs: string }
  | { kind: 'link'; path: string; text: string }
  | { kind: 'directory'; path: string; mtimeNs: string };

const PRELUDE = `
import hashlib, os, shutil
from concurrent.futures import ThreadPoolExecutor

def place(path):
    return os.path.join(data["top"], path) if path else data["top"]

def same_content(handle, entry):
    digest, size = hashlib.sha256(), 0
    while True:
        part = os.read(handle, 1 << 20)
        if not part:
            return size == entry["size"] and digest.hexdigest() == entry["sha256"]
        digest.update(part)
        size += len(part)
`;

/** Whether the kernel sees what is at `top` at all: it could run elsewhere. */
export const SEES = `${PRELUDE}
result = os.path.lexists(data["top"])
`;

/** Bytes free in the directory `top` (empty: where the contents begin); null when that cannot be told. */
export const FREE_SPACE = `${PRELUDE}
try:
    space = os.statvfs(data["top"] or ".")
    result = space.f_bavail * space.f_frsize
except OSError:
    result = None
`;

/** Whether each of `entries` below `top` is what it should be; null when there is no `top`. */
export const COMPARE = `${PRELUDE}
def open_untouched(path):
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:
        return os.open(path, flags)

def same(entry):
    path = place(entry["path"])
    try:
        if entry["kind"] == "directory":
            return os.path.isdir(path)
        if entry["kind"] == "link":
            return os.readlink(path) == entry["text"]
        handle = open_untouched(path)
        try:
            return same_content(handle, entry)
        finally:
            os.close(handle)
    except OSError:
        return False

result = None
if os.path.lexists(data["top"]):
    with ThreadPoolExecutor(4) as pool:
        result = all(pool.map(same, data["entries"]))
`;

/**
 * Compares the files of `entries` below `top` with their checksums, makes the links, and seals all: times, modes, flushed.
 * Directories come after what is in them. `differs`: paths of what is not as it should be; `writable`: how many kept a
 * write permission, since their file system keeps no modes.
 */
export const SEAL = `${PRELUDE}
def seal(handle, entry, mode):
    mtime = int(entry["mtimeNs"])
    for change in (lambda: os.utime(handle, ns=(mtime, mtime)), lambda: os.fchmod(handle, mode)):
        try:
            change()
        except OSError:
            pass
    os.fsync(handle)
    return bool(os.fstat(handle).st_mode & 0o222)

def bring(entry):
    path = place(entry["path"])
    if entry["kind"] == "link":
        if not os.path.islink(path):
            os.symlink(entry["text"], path)
        return os.readlink(path) == entry["text"], False
    is_file = entry["kind"] == "file"
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | (os.O_NONBLOCK if is_file else os.O_DIRECTORY))
    except FileNotFoundError:
        return False, False
    try:
        if is_file and not same_content(handle, entry):
            return False, False
        return True, seal(handle, entry, data["fileMode" if is_file else "dirMode"])
    finally:
        os.close(handle)

directories = [entry for entry in data["entries"] if entry["kind"] == "directory"]
others = [entry for entry in data["entries"] if entry["kind"] != "directory"]
with ThreadPoolExecutor(8) as pool:
    found = list(zip(others, pool.map(bring, others)))
found += [(entry, bring(entry)) for entry in directories]
result = {
    "differs": [entry["path"] for entry, (same, _) in found if not same][:10],
    "writable": sum(writable for _, (_, writable) in found),
}
`;

/** How many files (with links) and directories (with the top) there are at `top`. */
export const COUNT = `${PRELUDE}
files, directories = 0, 0
for folder, below, names in os.walk(data["top"]):
    directories += 1
    files += len(names) + sum(os.path.islink(os.path.join(folder, name)) for name in below)
result = {"files": files, "directories": directories}
`;

/** Removes what is at `top`, sealed or not, and then those of `parents` that are empty, in this order. */
export const REMOVE = `${PRELUDE}
top = data["top"]
if os.path.isdir(top) and not os.path.islink(top):
    os.chmod(top, 0o700)
    for folder, below, _ in os.walk(top):
        for name in below:
            if not os.path.islink(os.path.join(folder, name)):
                os.chmod(os.path.join(folder, name), 0o700)
    shutil.rmtree(top)
elif os.path.lexists(top):
    os.unlink(top)
try:
    for parent in data["parents"]:
        os.rmdir(parent)
except OSError:
    pass
result = True
`;

/** Removes the directory `top` if it is empty; whether it is gone. */
export const REMOVE_EMPTY = `${PRELUDE}
try:
    os.rmdir(data["top"])
except OSError:
    pass
result = not os.path.lexists(data["top"])
`;
