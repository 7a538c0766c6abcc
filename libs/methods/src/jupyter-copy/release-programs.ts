/**
 * Programs that remove in the user's kernel what was staged, as {@link file://./programs.ts} says of all of them. Directories
 * are walked by their handles, links are never followed, and each may be run twice: `path` is where it was staged, `taken`
 * the name that it has while it is compared, `removed` its name once it may be deleted.
 */

const PRELUDE = `
import os, stat

def open_directory(name, parent=None):
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)

def kind_of(mode):
    return "directory" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "link" if stat.S_ISLNK(mode) else "other"

def same_time(found, wanted):
    # Servers tell microseconds, and some file systems keep whole seconds.
    return abs(found - wanted) <= 1000 or found in (wanted // 10**6 * 10**6, wanted // 10**9 * 10**9)

def same(found, row):
    if kind_of(found.st_mode) != row["kind"] or found.st_size != row["size"]:
        return False
    return row["kind"] == "link" or same_time(found.st_mtime_ns, int(row["mtimeNs"]))

class Tree:
    """The directories below a top; the one that was asked for last stays open."""
    def __init__(self, top):
        self.top, self.path, self.last = open_directory(top), None, None

    def directory(self, path):
        if path == self.path:
            return self.last
        self.leave()
        handle = os.dup(self.top)
        for name in path.split("/") if path else []:
            try:
                below = open_directory(name, handle)
            finally:
                os.close(handle)
            handle = below
        self.path, self.last = path, handle
        return handle

    def leave(self):
        if self.last is not None:
            os.close(self.last)
        self.path, self.last = None, None

    def close(self):
        self.leave()
        os.close(self.top)

def each_row(top, work):
    """Calls work with a name, the handle of its directory and its row, for each row; a single file is its own top."""
    if data["kind"] == "file":
        for row in data["rows"]:
            work(top, None, row)
        return
    tree = Tree(top)
    try:
        for row in data["rows"]:
            folder, _, name = row["path"].rpartition("/")
            try:
                handle = tree.directory(folder)
            except OSError:
                handle = None
            work(name, handle, row)
    finally:
        tree.close()

def put(source, target):
    """Gives something a name that must be free; whether it was."""
    if os.path.lexists(target):
        return False
    if not stat.S_ISDIR(os.lstat(source).st_mode):
        try:
            os.link(source, target, follow_symlinks=False)
            os.unlink(source)
            return True
        except FileExistsError:
            return False
        except OSError:
            pass  # no hard links here
    try:
        os.rename(source, target)
        return True
    except OSError:
        return False

def put_back(source):
    names = [data["path"], data["path"] + ".restored"] + [f"{data['path']}.restored-{n}" for n in range(2, 100)]
    return next((name for name in names if put(source, name)), source)
`;

/** Takes what was staged out of the way. `compared`: an earlier try had found it equal; `stuck`: it cannot be moved. */
export const TAKE = `${PRELUDE}
if os.path.lexists(data["removed"]):
    result = "compared"
elif os.path.lexists(data["taken"]):
    result = "taken"
elif not os.path.lexists(data["path"]):
    result = "gone"
elif kind_of(os.lstat(data["path"]).st_mode) != data["kind"]:
    result = "other"
else:
    try:
        os.rename(data["path"], data["taken"])
        result = "taken"
    except OSError:
        result = "stuck"
`;

/** The path of the first of `rows` that is not as the manifest has it; null when all are. */
export const COMPARE_ROWS = `${PRELUDE}
differs = []
def compare(name, handle, row):
    if differs:
        return
    try:
        if handle is None and data["kind"] == "directory":
            differs.append(row["path"])
        elif not same(os.stat(name, dir_fd=handle, follow_symlinks=False), row):
            differs.append(row["path"])
    except OSError:
        differs.append(row["path"])

try:
    each_row(data["taken"], compare)
except OSError:
    differs.append("")
result = differs[0] if differs else None
`;

/**
 * How many things there are that are no directories, and the path of an empty directory that was added: one that can be
 * written to, where something else is sealed, as all that was staged is. Null where something cannot be looked at.
 */
export const COUNT_ALL = `${PRELUDE}
def fail(error):
    raise error

files, is_sealed, empty = 0, False, None
try:
    for folder, below, names, handle in os.fwalk(data["taken"], follow_symlinks=False, onerror=fail):
        look = lambda name: os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode
        directories = [name for name in below if stat.S_ISDIR(look(name))]
        files += len(names) + len(below) - len(directories)
        can_write = os.fstat(handle).st_mode & 0o222
        is_sealed = is_sealed or not can_write or any(not look(name) & 0o222 for name in names)
        if can_write and not below and not names and folder != data["taken"]:
            empty = empty or os.path.relpath(folder, data["taken"])
    result = {"files": files, "added": empty if is_sealed else None}
except OSError:
    result = None
`;

/** Says that all was compared: from now on it may be deleted at any time. */
export const COMMIT = `${PRELUDE}
if not os.path.lexists(data["removed"]):
    os.rename(data["taken"], data["removed"])
result = True
`;

/** Puts back what was taken; where it is now, which is beside its place when that is taken. Null: there is nothing. */
export const PUT_BACK = `${PRELUDE}
result = put_back(data["taken"]) if os.path.lexists(data["taken"]) else None
`;

/** Deletes those of `rows` that are still there and as the manifest has them, and nothing else. */
export const DELETE_ROWS = `${PRELUDE}
def delete(name, handle, row):
    try:
        if handle is None and data["kind"] == "directory":
            return
        if not same(os.stat(name, dir_fd=handle, follow_symlinks=False), row):
            return
        if handle is not None and not os.fstat(handle).st_mode & 0o200:
            os.fchmod(handle, 0o700)
        os.unlink(name, dir_fd=handle)
    except FileNotFoundError:
        pass

if os.path.lexists(data["removed"]):
    each_row(data["removed"], delete)
result = True
`;

/** Removes the directories that are empty now. What is left, since somebody added it meanwhile, is put back: where. */
export const PRUNE = `${PRELUDE}
top = data["removed"]
if os.path.isdir(top) and not os.path.islink(top):
    for _, below, _, handle in os.fwalk(top, topdown=False, follow_symlinks=False):
        for name in below:
            try:
                if not os.fstat(handle).st_mode & 0o200:
                    os.fchmod(handle, 0o700)
                os.rmdir(name, dir_fd=handle)
            except OSError:
                pass
    try:
        os.rmdir(top)
    except OSError:
        pass
result = put_back(top) if os.path.lexists(top) else None
`;
