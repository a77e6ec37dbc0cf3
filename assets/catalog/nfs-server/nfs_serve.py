"""A small NFS 3 server (RFC 1813) in user space: what takes the kernel's and nfs-ganesha's place where neither may serve.

In a container the kernel serves no NFS, and file handles open nothing but folders, which keeps nfs-ganesha from its files. This
one finds files by their path. Everything is done with the uid and gids of whoever asks, root as nobody, so the kernel decides who
may do what. No locks, no more than one request at a time.

    nfs_serve.py CONFIG     a JSON file: listen, mount (addresses and ports), exports, clients (subnets, or "*")
"""

import ctypes
import errno
import ipaddress
import json
import os
import selectors
import socket
import stat
import struct
import sys
import time

NFS, MOUNT, PORTMAP = 100003, 100005, 100000
NOBODY = 65534
IO_MAX = 131072
RECORD_MAX = 4 * IO_MAX
LISTINGS_MAX = 128
OK, STALE, NOTSUPP, BADHANDLE, NOT_SYNC = 0, 70, 10004, 10001, 10002
# Numbers of errors are Unix's where NFS knows them, else an input or output error.
KNOWN_ERRORS = {1, 2, 5, 6, 13, 17, 18, 19, 20, 21, 22, 27, 28, 30, 31, 63, 66, 69, 70}
TRANSLATED = {errno.ENOTEMPTY: 66, errno.ENAMETOOLONG: 63, errno.EDQUOT: 69, errno.ESTALE: 70, errno.EOPNOTSUPP: NOTSUPP, errno.ELOOP: 22}
TYPES = {stat.S_IFREG: 1, stat.S_IFDIR: 2, stat.S_IFBLK: 3, stat.S_IFCHR: 4, stat.S_IFLNK: 5, stat.S_IFSOCK: 6, stat.S_IFIFO: 7}
BOOT = struct.pack("!Q", time.time_ns())

libc = ctypes.CDLL(None, use_errno=True)
SYS_SETGROUPS = {"x86_64": 116, "aarch64": 159}.get(os.uname().machine)


class Refused(Exception):
    """An NFS status that is none of Unix's."""


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def u32(self):
        self.at += 4
        return struct.unpack_from("!I", self.data, self.at - 4)[0]

    def u64(self):
        self.at += 8
        return struct.unpack_from("!Q", self.data, self.at - 8)[0]

    def fixed(self, size):
        self.at += (size + 3) & ~3
        if self.at > len(self.data):
            raise struct.error("too short")
        start = self.at - ((size + 3) & ~3)
        return self.data[start : start + size]

    def opaque(self):
        return self.fixed(self.u32())


def u32(*values):
    return struct.pack(f"!{len(values)}I", *values)


def u64(*values):
    return struct.pack(f"!{len(values)}Q", *values)


def opaque(data):
    return u32(len(data)) + data + bytes(-len(data) % 4)


class Who:
    """Whoever asks: while it is entered, this thread's file accesses are theirs."""

    def __init__(self, uid, gid, gids):
        self.uid, self.gid, self.gids = (uid, gid, gids) if uid else (NOBODY, NOBODY, [])

    @staticmethod
    def groups(gids):
        if SYS_SETGROUPS:
            libc.syscall(SYS_SETGROUPS, len(gids), (ctypes.c_uint32 * max(1, len(gids)))(*gids))

    def __enter__(self):
        self.groups(self.gids)
        libc.setfsgid(self.gid)
        libc.setfsuid(self.uid)

    def __exit__(self, *_):
        libc.setfsuid(0)
        libc.setfsgid(0)
        self.groups([])

    def may(self, found):
        """The bits of rwx that the mode gives them."""
        if found.st_uid == self.uid:
            return found.st_mode >> 6 & 7
        if found.st_gid == self.gid or found.st_gid in self.gids:
            return found.st_mode >> 3 & 7
        return found.st_mode & 7


class Files:
    """Handles of files: device and inode, found again by where they were last seen."""

    def __init__(self, exports):
        # (device, inode) -> (parent's, name); an export's own folder -> (None, path)
        self.places, self.exports, self.listings, self.made = {}, {}, {}, {}
        for path in exports:
            found = os.stat(path)
            self.exports[path] = (found.st_dev, found.st_ino)
            self.places[self.exports[path]] = (None, path)

    def handle(self, key):
        return struct.pack("!QQ", *key)

    def key(self, handle):
        if len(handle) != 16:
            raise Refused(BADHANDLE)
        key = struct.unpack("!QQ", handle)
        return key if key in self.places else self.search(key)

    def search(self, key):
        """After a restart nothing is known: everything is looked through once, so that all of it is."""
        for root, base in list(self.exports.items()):
            for folder, folders, files in os.walk(root):
                try:
                    parent = os.lstat(folder)
                    for name in folders + files:
                        found = os.lstat(os.path.join(folder, name))
                        self.places.setdefault((found.st_dev, found.st_ino), ((parent.st_dev, parent.st_ino), name))
                except OSError:
                    continue
            self.places[base] = (None, root)
        if key not in self.places:
            raise Refused(STALE)
        return key

    def path(self, key):
        names = []
        while key is not None:
            if key not in self.places or len(names) > 255:
                raise Refused(STALE)
            key, name = self.places[key]
            names.append(name)
        return os.path.join(*reversed(names))

    def at(self, key):
        """The path of a handle and what stands there, which must still be it."""
        path = self.path(key)
        found = os.lstat(path)
        if (found.st_dev, found.st_ino) != key:
            raise Refused(STALE)
        return path, found

    def child(self, key, name, found=None):
        path = os.path.join(self.path(key), name)
        found = found or os.lstat(path)
        child = (found.st_dev, found.st_ino)
        if child not in self.exports.values():
            self.places[child] = (key, name)
        return child, found


def attributes(found):
    times = b"".join(u32(ns // 10**9 & 0xFFFFFFFF, ns % 10**9) for ns in (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns))
    head = u32(TYPES.get(stat.S_IFMT(found.st_mode), 1), found.st_mode & 0o7777, found.st_nlink, found.st_uid, found.st_gid)
    device = u32(os.major(found.st_rdev), os.minor(found.st_rdev))
    return head + u64(found.st_size, found.st_blocks * 512) + device + u64(found.st_dev, found.st_ino) + times


def name_of(data):
    if data in (b"", b".", b"..") or b"/" in data or b"\0" in data:
        raise OSError(errno.EINVAL, "name")
    return os.fsdecode(data)


class Server:
    def __init__(self, config):
        self.clients = None if "*" in config["clients"] else [ipaddress.ip_network(net, strict=False) for net in config["clients"]]
        self.exports = config["exports"]
        self.files = Files(self.exports)
        self.poll = selectors.DefaultSelector()
        for program, places in ((NFS, config["listen"]), (MOUNT, config["mount"])):
            for address, port in places:
                listener = socket.create_server((address, port), backlog=64)
                listener.setblocking(False)
                self.poll.register(listener, selectors.EVENT_READ, ("door", program))
            publish(program, places[0][1])

    def run(self):
        while True:
            for ready, _ in self.poll.select():
                kind, what = ready.data
                if kind == "door":
                    self.accept(ready.fileobj)
                else:
                    self.read(ready.fileobj, what)

    def accept(self, listener):
        try:
            client, address = listener.accept()
        except OSError:
            return
        there = ipaddress.ip_address(address[0])
        here = client.getsockname()[0] == address[0]
        if self.clients is not None and not here and not any(there in net for net in self.clients):
            client.close()
            return
        # An answer that nobody takes must not hold up the others for long.
        client.settimeout(5)
        self.poll.register(client, selectors.EVENT_READ, ("client", bytearray()))

    def read(self, client, buffer):
        try:
            data = client.recv(1 << 18)
            buffer += data
            if not data or len(buffer) > RECORD_MAX:
                raise OSError
            while len(buffer) >= 4:
                head = struct.unpack_from("!I", buffer)[0]
                size = head & 0x7FFFFFFF
                if not head >> 31 or size > RECORD_MAX:
                    raise OSError
                if len(buffer) < 4 + size:
                    break
                call = bytes(buffer[4 : 4 + size])
                del buffer[: 4 + size]
                answer = self.answer(call)
                client.sendall(u32(len(answer) | 1 << 31) + answer)
        except OSError:
            self.poll.unregister(client)
            client.close()

    def answer(self, call):
        reader = Reader(call)
        try:
            xid, _, _, program, version, procedure = (reader.u32() for _ in range(6))
            flavor, credentials = reader.u32(), Reader(reader.opaque())
            reader.u32(), reader.opaque()
            who = Who(NOBODY, NOBODY, [])
            if flavor == 1:
                credentials.u32(), credentials.opaque()
                uid, gid = credentials.u32(), credentials.u32()
                who = Who(uid, gid, [credentials.u32() for _ in range(min(16, credentials.u32()))])
        except struct.error:
            raise OSError from None
        head = u32(xid, 1, 0, 0, 0)
        if program not in (NFS, MOUNT):
            return head + u32(1)
        if version != 3:
            return head + u32(2, 3, 3)
        if procedure == 0:
            return head + u32(0)
        name = (NFS_CALLS if program == NFS else MOUNT_CALLS).get(procedure)
        if name is None:
            return head + u32(3)
        try:
            with who:
                return head + u32(0) + getattr(self, name)(reader, who)
        except struct.error:
            return head + u32(4)
        except Refused as refused:
            number = refused.args[0]
        except OSError as error:
            number = TRANSLATED.get(error.errno, error.errno if error.errno in KNOWN_ERRORS else 5)
        # What stands behind a failure's number: no attributes, as many times as each call says.
        return head + u32(0, number) + bytes(4 * FAILURE_WORDS.get(name, 1))

    # --- the mount protocol
    def mnt(self, reader, who):
        asked = os.path.normpath(os.fsdecode(reader.opaque()))
        for export in self.exports:
            if asked == export:
                return u32(OK) + opaque(self.files.handle(self.files.exports[export])) + u32(1, 1)
            if asked.startswith(export.rstrip("/") + "/"):
                key = self.files.exports[export]
                for name in asked[len(export.rstrip("/")) + 1 :].split("/"):
                    key, found = self.files.child(key, name)
                    if not stat.S_ISDIR(found.st_mode):
                        raise OSError(errno.ENOTDIR, "mount")
                return u32(OK) + opaque(self.files.handle(key)) + u32(1, 1)
        raise OSError(errno.EACCES, "mount")

    def umnt(self, reader, who):
        return b""

    def dump(self, reader, who):
        return u32(0)

    def list_exports(self, reader, who):
        clients = ["*"] if self.clients is None else [str(net) for net in self.clients]
        groups = b"".join(u32(1) + opaque(client.encode()) for client in clients) + u32(0)
        return b"".join(u32(1) + opaque(os.fsencode(export)) + groups for export in self.exports) + u32(0)

    # --- what calls share
    def file(self, reader):
        key = self.files.key(reader.opaque())
        return (key, *self.files.at(key))

    def after(self, key):
        try:
            return u32(1) + attributes(self.files.at(key)[1])
        except (OSError, Refused):
            return u32(0)

    def weak(self, key):
        return u32(0) + self.after(key)

    def entry(self, key):
        return u32(1) + opaque(self.files.handle(key)) + self.after(key)

    def settings(self, reader):
        """sattr3: what is to be set, by name."""
        wanted = {}
        for name in ("mode", "uid", "gid"):
            if reader.u32():
                wanted[name] = reader.u32()
        if reader.u32():
            wanted["size"] = reader.u64()
        for name in ("atime", "mtime"):
            how = reader.u32()
            if how == 1:
                wanted[name] = time.time_ns()
            elif how == 2:
                wanted[name] = reader.u32() * 10**9 + reader.u32()
        return wanted

    def apply(self, path, found, wanted, who):
        if "uid" in wanted or "gid" in wanted:
            os.chown(path, wanted.get("uid", -1), wanted.get("gid", -1), follow_symlinks=False)
        if "mode" in wanted and not stat.S_ISLNK(found.st_mode):
            os.chmod(path, wanted["mode"] & 0o7777)
        if "size" in wanted:
            descriptor = self.opened(path, found, os.O_WRONLY, who)
            try:
                os.ftruncate(descriptor, wanted["size"])
            finally:
                os.close(descriptor)
        if "atime" in wanted or "mtime" in wanted:
            times = (wanted.get("atime", found.st_atime_ns), wanted.get("mtime", found.st_mtime_ns))
            os.utime(path, ns=times, follow_symlinks=False)

    def opened(self, path, found, flags, who):
        try:
            return os.open(path, flags | os.O_NOFOLLOW)
        except PermissionError:
            # Whoever made a file may go on writing it, whatever its mode has become: the protocol has no open files.
            if found.st_uid != who.uid or not stat.S_ISREG(found.st_mode):
                raise
            libc.setfsuid(0)
            try:
                return os.open(path, flags | os.O_NOFOLLOW)
            finally:
                libc.setfsuid(who.uid)

    # --- NFS
    def getattr_(self, reader, who):
        return u32(OK) + attributes(self.file(reader)[2])

    def setattr_(self, reader, who):
        key, path, found = self.file(reader)
        wanted = self.settings(reader)
        if reader.u32() and (reader.u32(), reader.u32()) != (found.st_ctime_ns // 10**9, found.st_ctime_ns % 10**9):
            raise Refused(NOT_SYNC)
        self.apply(path, found, wanted, who)
        return u32(OK) + self.weak(key)

    def lookup(self, reader, who):
        key, path, _ = self.file(reader)
        name = reader.opaque()
        if name in (b".", b".."):
            is_top = name == b"." or key in self.files.exports.values()
            child = key if is_top else self.files.places[key][0]
        else:
            child, _ = self.files.child(key, name_of(name))
        return u32(OK) + opaque(self.files.handle(child)) + self.after(child) + self.after(key)

    def access(self, reader, who):
        key, _, found = self.file(reader)
        asked, bits = reader.u32(), who.may(found)
        folder = stat.S_ISDIR(found.st_mode)
        allowed = (1 if bits & 4 else 0) | (0x0C | (0x10 if folder else 0) if bits & 2 else 0) | ((2 if folder else 0x20) if bits & 1 else 0)
        return u32(OK) + self.after(key) + u32(asked & allowed)

    def readlink(self, reader, who):
        key, path, _ = self.file(reader)
        return u32(OK) + self.after(key) + opaque(os.fsencode(os.readlink(path)))

    def read_(self, reader, who):
        key, path, found = self.file(reader)
        offset, count = reader.u64(), min(reader.u32(), IO_MAX)
        descriptor = self.opened(path, found, os.O_RDONLY, who)
        try:
            data = os.pread(descriptor, count, offset)
        finally:
            os.close(descriptor)
        return u32(OK) + self.after(key) + u32(len(data), offset + len(data) >= found.st_size) + opaque(data)

    def write_(self, reader, who):
        key, path, found = self.file(reader)
        offset, count, stable = reader.u64(), reader.u32(), reader.u32()
        data = reader.opaque()[:count]
        descriptor = self.opened(path, found, os.O_WRONLY, who)
        try:
            written = os.pwrite(descriptor, data, offset)
            if stable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return u32(OK) + self.weak(key) + u32(written, stable) + BOOT

    def create(self, reader, who):
        key, folder, _ = self.file(reader)
        name, how = name_of(reader.opaque()), reader.u32()
        path = os.path.join(folder, name)
        wanted, once = (self.settings(reader), None) if how < 2 else ({}, reader.fixed(8))
        flags = os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | (os.O_EXCL if how else 0)
        try:
            os.close(os.open(path, flags, wanted.pop("mode", 0o644) & 0o7777))
        except FileExistsError:
            # The same request twice, because its answer was lost.
            if once is None or self.files.made.get(path) != once:
                raise
        if once is not None:
            self.files.made = dict(list(self.files.made.items())[-LISTINGS_MAX:], **{path: once})
        child, found = self.files.child(key, name)
        self.apply(path, found, wanted, who)
        return u32(OK) + self.entry(child) + self.weak(key)

    def mkdir(self, reader, who):
        key, folder, _ = self.file(reader)
        name = name_of(reader.opaque())
        wanted = self.settings(reader)
        os.mkdir(os.path.join(folder, name), wanted.pop("mode", 0o755) & 0o7777)
        child, found = self.files.child(key, name)
        self.apply(os.path.join(folder, name), found, wanted, who)
        return u32(OK) + self.entry(child) + self.weak(key)

    def symlink(self, reader, who):
        key, folder, _ = self.file(reader)
        name = name_of(reader.opaque())
        self.settings(reader)
        os.symlink(os.fsdecode(reader.opaque()), os.path.join(folder, name))
        child, _ = self.files.child(key, name)
        return u32(OK) + self.entry(child) + self.weak(key)

    def mknod(self, reader, who):
        raise Refused(NOTSUPP)

    def gone(self, reader, function):
        key, folder, _ = self.file(reader)
        path = os.path.join(folder, name_of(reader.opaque()))
        found = os.lstat(path)
        function(path)
        if stat.S_ISDIR(found.st_mode) or found.st_nlink < 2:
            self.files.places.pop((found.st_dev, found.st_ino), None)
        return u32(OK) + self.weak(key)

    def remove(self, reader, who):
        return self.gone(reader, os.unlink)

    def rmdir(self, reader, who):
        return self.gone(reader, os.rmdir)

    def rename(self, reader, who):
        key, folder, _ = self.file(reader)
        old = name_of(reader.opaque())
        there, other, _ = self.file(reader)
        new = name_of(reader.opaque())
        os.rename(os.path.join(folder, old), os.path.join(other, new))
        self.files.child(there, new)
        return u32(OK) + self.weak(key) + self.weak(there)

    def link(self, reader, who):
        key, path, _ = self.file(reader)
        there, folder, _ = self.file(reader)
        os.link(path, os.path.join(folder, name_of(reader.opaque())), follow_symlinks=False)
        return u32(OK) + self.after(key) + self.weak(there)

    def listing(self, reader):
        """The names of a folder as they were when its reading began, and where to go on."""
        key, path, _ = self.file(reader)
        cookie = reader.u64()
        reader.fixed(8)
        if cookie == 0 or key not in self.files.listings:
            names = [".", "..", *sorted(os.listdir(path))]
            self.files.listings.pop(key, None)
            self.files.listings[key] = names
            if len(self.files.listings) > LISTINGS_MAX:
                self.files.listings.pop(next(iter(self.files.listings)))
        return key, path, cookie, self.files.listings[key]

    def entries(self, reader, size_max, more):
        key, path, cookie, names = self.listing(reader)
        limit = size_max(reader)
        out, is_end = b"", 1
        for number, name in enumerate(names[cookie:], cookie + 1):
            try:
                found = os.lstat(path if name == "." else os.path.join(path, name))
            except OSError:
                continue
            child = (found.st_dev, found.st_ino)
            if name not in (".", ".."):
                child, _ = self.files.child(key, name, found)
            one = u32(1) + u64(found.st_ino) + opaque(os.fsencode(name)) + u64(number) + (more(child, found, name) if more else b"")
            if len(out) + len(one) + 128 > limit:
                is_end = 0
                break
            out += one
        return u32(OK) + self.after(key) + BOOT + out + u32(0, is_end)

    def readdir(self, reader, who):
        return self.entries(reader, lambda reader: min(reader.u32(), IO_MAX), None)

    def readdirplus(self, reader, who):
        def more(child, found, name):
            handle = u32(0) if name == ".." else u32(1) + opaque(self.files.handle(child))
            return u32(1) + attributes(found) + handle

        return self.entries(reader, lambda reader: (reader.u32(), min(reader.u32(), IO_MAX))[1], more)

    def fsstat(self, reader, who):
        key, path, _ = self.file(reader)
        room = os.statvfs(path)
        sizes = (room.f_blocks * room.f_frsize, room.f_bfree * room.f_frsize, room.f_bavail * room.f_frsize)
        return u32(OK) + self.after(key) + u64(*sizes, room.f_files, room.f_ffree, room.f_favail) + u32(0)

    def fsinfo(self, reader, who):
        key, _, _ = self.file(reader)
        sizes = u32(IO_MAX, IO_MAX, 4096, IO_MAX, IO_MAX, 4096, 8192)
        return u32(OK) + self.after(key) + sizes + u64(1 << 62) + u32(0, 1) + u32(0x1B)

    def pathconf(self, reader, who):
        key, _, _ = self.file(reader)
        return u32(OK) + self.after(key) + u32(32000, 255, 1, 1, 0, 1)

    def commit(self, reader, who):
        key, path, found = self.file(reader)
        descriptor = self.opened(path, found, os.O_RDONLY, who)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return u32(OK) + self.weak(key) + BOOT


MOUNT_CALLS = {1: "mnt", 2: "dump", 3: "umnt", 4: "umnt", 5: "list_exports"}
NFS_CALLS = dict(
    enumerate(
        "getattr_ setattr_ lookup access readlink read_ write_ create mkdir symlink mknod remove rmdir rename link readdir "
        "readdirplus fsstat fsinfo pathconf commit".split(),
        1,
    )
)
FAILURE_WORDS = dict.fromkeys("setattr_ write_ create mkdir symlink mknod remove rmdir commit".split(), 2)
FAILURE_WORDS.update({"getattr_": 0, "mnt": 0, "rename": 4, "link": 3})


def publish(program, port):
    """Tells rpcbind, where there is one, so that whoever asks for a port learns it."""
    for procedure in (2, 1):
        body = u32(program, 3, 6, port)
        call = u32(1, 0, 2, PORTMAP, 2, procedure, 0, 0, 0, 0) + body
        try:
            with socket.create_connection(("127.0.0.1", 111), timeout=2, source_address=("127.0.0.1", 600 + program % 10)) as rpcbind:
                rpcbind.sendall(u32(len(call) | 1 << 31) + call)
                rpcbind.recv(64)
        except OSError:
            try:
                with socket.create_connection(("127.0.0.1", 111), timeout=2) as rpcbind:
                    rpcbind.sendall(u32(len(call) | 1 << 31) + call)
                    rpcbind.recv(64)
            except OSError:
                return


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        config = json.load(file)
    os.umask(0)
    Server(config).run()


if __name__ == "__main__":
    main()
