"""A small FUSE file system that shows homes of an NFS server, each when it is used, and lets go of it when it is not.

For nodes whose kernel mounts no NFS (containers): what autofs and the kernel's client would do together. It speaks NFS through
libnfs, with the uid and gid of whoever asks, so the server decides who may do what. One request at a time; nothing is cached.

    nfs_fuse.py SERVER PORT EXPORT FOLDER IDLE_SECS
"""

import ctypes
import errno
import os
import stat
import sys
import threading
import time

try:
    # Debian calls fusepy's module by the package's name, because another package has the name fuse.
    from fusepy import FUSE, FuseOSError, Operations, fuse_get_context
except ImportError:
    from fuse import FUSE, FuseOSError, Operations, fuse_get_context

TIMEOUT_MS = 5000
# Where a server of this catalog answers who may mount.
MOUNT_PORT = 20048
CONTEXTS_MAX = 256

nfs = ctypes.CDLL("libnfs.so.13")
P = ctypes.c_void_p
S = ctypes.c_char_p
I = ctypes.c_int
U64 = ctypes.c_uint64


class Stat(ctypes.Structure):
    _fields_ = [
        (name, U64)
        for name in (
            "dev ino mode nlink uid gid rdev size blksize blocks atime mtime ctime atime_ns mtime_ns ctime_ns used"
        ).split()
    ]


class Entry(ctypes.Structure):
    """The beginning of libnfs's nfsdirent: the rest is not looked at."""


Entry._fields_ = [("next", ctypes.POINTER(Entry)), ("name", S)]


class Timeval(ctypes.Structure):
    _fields_ = [("sec", ctypes.c_long), ("usec", ctypes.c_long)]


class Statvfs(ctypes.Structure):
    """statvfs(3) as glibc has it on 64 bits."""

    _fields_ = [
        (name, ctypes.c_ulong)
        for name in "f_bsize f_frsize f_blocks f_bfree f_bavail f_files f_ffree f_favail f_fsid f_flag f_namemax".split()
    ] + [("spare", I * 6)]


def declare(name, result, *arguments):
    function = getattr(nfs, name)
    function.restype, function.argtypes = result, arguments


for name, arguments in {
    "nfs_mount": (P, S, S),
    "nfs_lstat64": (P, S, ctypes.POINTER(Stat)),
    "nfs_opendir": (P, S, ctypes.POINTER(P)),
    "nfs_open": (P, S, I, ctypes.POINTER(P)),
    "nfs_creat": (P, S, I, ctypes.POINTER(P)),
    "nfs_close": (P, P),
    "nfs_pread": (P, P, U64, U64, P),
    "nfs_pwrite": (P, P, U64, U64, S),
    "nfs_fsync": (P, P),
    "nfs_truncate": (P, S, U64),
    "nfs_mkdir2": (P, S, I),
    "nfs_rmdir": (P, S),
    "nfs_unlink": (P, S),
    "nfs_rename": (P, S, S),
    "nfs_chmod": (P, S, I),
    "nfs_lchown": (P, S, I, I),
    "nfs_utimes": (P, S, ctypes.POINTER(Timeval)),
    "nfs_symlink": (P, S, S),
    "nfs_link": (P, S, S),
    "nfs_readlink": (P, S, P, I),
    "nfs_statvfs": (P, S, ctypes.POINTER(Statvfs)),
}.items():
    declare(name, I, *arguments)
declare("nfs_init_context", P)
declare("nfs_parse_url_dir", P, P, S)
declare("nfs_destroy_url", None, P)
declare("nfs_destroy_context", None, P)
declare("nfs_get_error", S, P)
declare("nfs_readdir", ctypes.POINTER(Entry), P, P)
declare("nfs_closedir", None, P, P)
for name in ("nfs_set_uid", "nfs_set_gid", "nfs_set_timeout", "nfs_set_autoreconnect"):
    declare(name, None, P, I)


class Homes(Operations):
    """Each first part of a path is a home; it is there while it is used."""

    def __init__(self, server, port, export, idle_secs):
        self.server, self.port, self.export, self.idle_secs = server, port, export.rstrip("/"), idle_secs
        self.mutex = threading.RLock()
        # (home, uid, gid) -> [context, last use]; file number -> (key, handle, path)
        self.contexts, self.files, self.next_file = {}, {}, 1
        self.started = time.time()

    def __call__(self, operation, *arguments):
        with self.mutex:
            return super().__call__(operation, *arguments)

    def init(self, path):
        threading.Thread(target=self.tidy, daemon=True).start()

    def tidy(self):
        while True:
            time.sleep(min(5, self.idle_secs))
            with self.mutex:
                used = {key for key, _, _ in self.files.values()}
                now = time.monotonic()
                for key, (context, last) in list(self.contexts.items()):
                    if key not in used and now - last > self.idle_secs:
                        del self.contexts[key]
                        nfs.nfs_destroy_context(context)

    def connect(self, home, uid, gid):
        key = (home, uid, gid)
        known = self.contexts.get(key)
        if known:
            known[1] = time.monotonic()
            return key, known[0]
        if len(self.contexts) >= CONTEXTS_MAX:
            raise FuseOSError(errno.ENFILE)
        for version in (3, 4):
            context = nfs.nfs_init_context()
            # libnfs takes ports only as part of an address.
            words = f"nfs://{self.server}{self.export or '/'}/?version={version}&nfsport={self.port}&mountport={MOUNT_PORT}"
            address = nfs.nfs_parse_url_dir(context, words.encode())
            if not address:
                nfs.nfs_destroy_context(context)
                continue
            nfs.nfs_destroy_url(address)
            nfs.nfs_set_uid(context, uid)
            nfs.nfs_set_gid(context, gid)
            nfs.nfs_set_timeout(context, TIMEOUT_MS)
            nfs.nfs_set_autoreconnect(context, 1)
            # A home's own folder may be closed to whoever asks, so the export is mounted and the server judges each request.
            code = nfs.nfs_mount(context, self.server.encode(), (self.export or "/").encode())
            if code >= 0:
                self.contexts[key] = [context, time.monotonic()]
                return key, context
            print((nfs.nfs_get_error(context) or b"").decode(errors="replace"), file=sys.stderr, flush=True)
            nfs.nfs_destroy_context(context)
        raise FuseOSError(errno.EHOSTDOWN)

    def at(self, path):
        """The context of whoever asks, and the path on the server."""
        uid, gid, _ = fuse_get_context()
        key, context = self.connect(path.split("/")[1], uid, gid)
        return key, context, path.encode("utf-8", "surrogateescape")

    def try_(self, key, context, code):
        if code >= 0:
            return code
        number = -code
        if number in (errno.EIO, errno.EPIPE, errno.ETIMEDOUT, errno.EINTR, errno.ECONNRESET):
            # The connection is of no use any more: the next request makes a new one.
            if self.contexts.get(key, [None])[0] == context and not any(used == key for used, _, _ in self.files.values()):
                del self.contexts[key]
                nfs.nfs_destroy_context(context)
            number = errno.EIO
        raise FuseOSError(number)

    def ask(self, function, path, *arguments):
        if path == "/":
            raise FuseOSError(errno.EACCES)
        key, context, there = self.at(path)
        return self.try_(key, context, getattr(nfs, function)(context, there, *arguments))

    def both(self, function, old, new):
        if old.split("/")[1] != new.split("/")[1]:
            raise FuseOSError(errno.EXDEV)
        self.ask(function, old, new.encode("utf-8", "surrogateescape"))

    # --- what FUSE asks
    def getattr(self, path, fh=None):
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2, "st_uid": 0, "st_gid": 0, "st_mtime": self.started}
        found = Stat()
        self.ask("nfs_lstat64", path, ctypes.byref(found))
        return {
            "st_mode": found.mode, "st_nlink": found.nlink, "st_uid": found.uid, "st_gid": found.gid, "st_size": found.size,
            "st_blocks": found.blocks, "st_rdev": found.rdev, "st_ino": found.ino,
            "st_atime": found.atime + found.atime_ns / 1e9, "st_mtime": found.mtime + found.mtime_ns / 1e9,
            "st_ctime": found.ctime + found.ctime_ns / 1e9,
        }

    def readdir(self, path, fh):
        if path == "/":
            return [".", ".."] + sorted({home for home, _, _ in self.contexts if self.is_home(home)})
        folder = P()
        key, context, there = self.at(path)
        self.try_(key, context, nfs.nfs_opendir(context, there, ctypes.byref(folder)))
        names = []
        entry = nfs.nfs_readdir(context, folder)
        while entry:
            names.append(entry.contents.name.decode("utf-8", "surrogateescape"))
            entry = nfs.nfs_readdir(context, folder)
        nfs.nfs_closedir(context, folder)
        return names

    def is_home(self, home):
        """Whether somebody's use of a name found a folder: asking for what is not there mounts nothing."""
        found = Stat()
        for (name, _, _), (context, _) in self.contexts.items():
            if name == home:
                return nfs.nfs_lstat64(context, b"/" + home.encode("utf-8", "surrogateescape"), ctypes.byref(found)) == 0
        return False

    def statfs(self, path):
        found = Statvfs()
        if path != "/":
            self.ask("nfs_statvfs", path, ctypes.byref(found))
        return {name: getattr(found, name) for name, _ in Statvfs._fields_ if name not in ("spare", "f_fsid")}

    def access(self, path, mode):
        # The server judges each request itself.
        return 0

    def keep(self, key, handle, path):
        number, self.next_file = self.next_file, self.next_file + 1
        self.files[number] = (key, handle, path)
        return number

    def open(self, path, flags):
        handle = P()
        key, context, there = self.at(path)
        self.try_(key, context, nfs.nfs_open(context, there, flags & (os.O_ACCMODE | os.O_TRUNC | os.O_APPEND), ctypes.byref(handle)))
        return self.keep(key, handle, path)

    def create(self, path, mode, fi=None):
        if path.count("/") < 2:
            raise FuseOSError(errno.EACCES)
        handle = P()
        key, context, there = self.at(path)
        self.try_(key, context, nfs.nfs_creat(context, there, mode & 0o7777, ctypes.byref(handle)))
        return self.keep(key, handle, path)

    def opened(self, fh):
        key, handle, path = self.files[fh]
        if key not in self.contexts:
            raise FuseOSError(errno.EIO)
        self.contexts[key][1] = time.monotonic()
        return key, self.contexts[key][0], handle

    def read(self, path, size, offset, fh):
        key, context, handle = self.opened(fh)
        buffer = ctypes.create_string_buffer(size)
        count = self.try_(key, context, nfs.nfs_pread(context, handle, offset, size, buffer))
        return buffer.raw[:count]

    def write(self, path, data, offset, fh):
        key, context, handle = self.opened(fh)
        return self.try_(key, context, nfs.nfs_pwrite(context, handle, offset, len(data), data))

    def fsync(self, path, datasync, fh):
        key, context, handle = self.opened(fh)
        self.try_(key, context, nfs.nfs_fsync(context, handle))

    def release(self, path, fh):
        key, context, handle = self.opened(fh)
        del self.files[fh]
        nfs.nfs_close(context, handle)

    def truncate(self, path, length, fh=None):
        self.ask("nfs_truncate", path, length)

    def mkdir(self, path, mode):
        if path.count("/") < 2:
            raise FuseOSError(errno.EACCES)
        self.ask("nfs_mkdir2", path, mode & 0o7777)

    def rmdir(self, path):
        self.ask("nfs_rmdir", path)

    def unlink(self, path):
        self.ask("nfs_unlink", path)

    def rename(self, old, new):
        self.both("nfs_rename", old, new)

    def link(self, target, source):
        self.both("nfs_link", source, target)

    def symlink(self, target, source):
        key, context, there = self.at(target)
        self.try_(key, context, nfs.nfs_symlink(context, source.encode("utf-8", "surrogateescape"), there))

    def readlink(self, path):
        buffer = ctypes.create_string_buffer(4096)
        self.ask("nfs_readlink", path, buffer, len(buffer))
        return buffer.value.decode("utf-8", "surrogateescape")

    def chmod(self, path, mode):
        self.ask("nfs_chmod", path, mode & 0o7777)

    def chown(self, path, uid, gid):
        self.ask("nfs_lchown", path, uid, gid)

    def utimens(self, path, times=None):
        both = times or (time.time(), time.time())
        values = (Timeval * 2)(*(Timeval(int(moment), int(moment % 1 * 1_000_000)) for moment in both))
        self.ask("nfs_utimes", path, values)


def main():
    server, port, export, folder, idle_secs = sys.argv[1:]
    homes = Homes(server, int(port), export, int(idle_secs))
    FUSE(homes, folder, foreground=True, nothreads=True, allow_other=True, fsname=f"{server}:{export}", subtype="sandtable-nfs",
         attr_timeout=0, entry_timeout=0, direct_io=True, use_ino=True)


if __name__ == "__main__":
    main()
