#!/usr/bin/env python3
"""Keeps a folder the same on several nodes: an rsync daemon that takes what others bring, and a watcher that brings what changed.

    sync.py CONFIG.json

In both directions: of each other node is remembered what it was last brought, so that only what changed here since is brought, and
what was deleted here is told from what was made there. The newer of two changes wins; a deletion never takes what was changed
meanwhile. What comes from another node is found to be there already when it is brought back, so nothing goes round in circles.
With one node that has the say, that one brings everything and the others only take: what was changed there is taken back within
LOOK_SECS, and said.
A node that cannot be reached gets what it missed as soon as it can be.
"""

import json
import os
import re
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time

OWN = ".sandtable-sync"
MODULE = "shared"
# Changes mostly come in bursts, so the first is not brought before the rest had a moment.
GATHER_SECS = 0.1
RETRY_SECS = 2
# Looked at even where nothing was heard: the kernel's queue of events can overflow.
LOOK_SECS = 10
# How often a node is asked whether it is still the one that was last brought to.
ASK_SECS = 5
# A node that began anew first brings what was deleted there while it was away.
LET_BEGIN_SECS = 5
RSYNC_SECS = 20
# What rsync ends with where something was gone before it was read: the next look sees to that.
VANISHED = 24


def is_ours_to_skip(name):
    """Half-written files are nobody's business yet."""
    return name.startswith(".") and name.endswith(".part")


def scan(folder):
    """What is in the folder, by relative path: files and folders. Links and devices stay where they are."""
    found = {}

    def walk(path, prefix):
        try:
            entries = list(os.scandir(path))
        except OSError:
            return
        for entry in entries:
            if is_ours_to_skip(entry.name) or (not prefix and entry.name == OWN):
                continue
            try:
                about = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            name = prefix + entry.name
            rights = [stat.S_IMODE(about.st_mode), about.st_uid, about.st_gid]
            if stat.S_ISDIR(about.st_mode):
                found[name] = ["d", 0, 0, *rights]
                walk(entry.path, name + "/")
            elif stat.S_ISREG(about.st_mode):
                found[name] = ["f", about.st_size, about.st_mtime_ns, *rights]

    walk(folder, "")
    return found


class Failed(Exception):
    """rsync did not do it; the text is for people."""


class Peer:
    """Another node, and what it was last brought."""

    def __init__(self, config, about):
        self.config = config
        self.name = about["name"]
        self.url = f"rsync://sync@{about['address']}:{about['port']}/{MODULE}/"
        self.file = os.path.join(config["state"], re.sub(r"[^A-Za-z0-9.-]", "_", self.name) + ".json")
        self.known, self.id = {}, None
        self.wake = threading.Event()
        self.dirty_since = time.time()
        self.asked = 0.0
        self.full_at = 0.0
        self.waiting = 0
        self.last_ms = 0
        self.taken_back, self.taken_last = 0, ""
        self.why = "was not reached yet"
        self.failing_since = time.time()
        self.load()

    def load(self):
        try:
            with open(self.file, encoding="utf-8", errors="surrogateescape") as file:
                kept = json.load(file)
            self.known, self.id = dict(kept["known"]), kept["id"]
        except (OSError, ValueError, KeyError, TypeError):
            self.known, self.id = {}, None

    def save(self):
        with open(self.file + ".new", "w", encoding="utf-8", errors="surrogateescape") as file:
            json.dump({"id": self.id, "known": self.known}, file)
        os.replace(self.file + ".new", self.file)

    def rsync(self, *args, stdin=b""):
        command = ["rsync", "--contimeout=2", f"--timeout={RSYNC_SECS}"]
        if self.config["source"]:
            command.append("--address=" + self.config["source"])
        environment = {**os.environ, "RSYNC_PASSWORD": self.config["password"], "TZ": "UTC", "LC_ALL": "C"}
        try:
            done = subprocess.run([*command, *args], input=stdin, capture_output=True, env=environment, timeout=20 * RSYNC_SECS, check=False)
        except subprocess.TimeoutExpired as error:
            raise Failed("rsync takes too long") from error
        if done.returncode not in (0, VANISHED):
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise Failed(said[0][:200] if said else f"rsync ended with {done.returncode}")
        return done.stdout

    def ask(self):
        """Whether the other side is the one that was brought to before. One that began anew may lack anything."""
        kept = os.path.join(self.config["state"], "asked-" + os.path.basename(self.file))
        self.rsync("-I", self.url + OWN + "/id", kept)
        with open(kept, encoding="ascii", errors="replace") as file:
            there = file.read(100)
        self.asked = time.monotonic()
        if there == self.id:
            return
        folder_there, folder_before = there.split(":")[0], (self.id or "").split(":")[0]
        if folder_there != folder_before:
            self.known = {}
            self.full_at = time.monotonic()
        else:
            self.full_at = time.monotonic() + LET_BEGIN_SECS
        self.id = there

    def bring(self):
        """Brings what changed; `False` where there was nothing."""
        if time.monotonic() - self.asked > ASK_SECS or self.why:
            self.ask()
        now = scan(self.config["folder"])
        if self.config["authoritative"]:
            return self.bring_all(now)
        changed = [name for name, state in now.items() if self.known.get(name) != state]
        gone = [name for name in self.known if name not in now]
        if self.full_at and time.monotonic() >= self.full_at:
            changed, self.full_at = list(now), 0.0
        self.waiting = len(changed) + len(gone)
        if not self.waiting:
            return False
        if gone:
            gone = self.unchanged_there(gone)
        self.send(changed)
        # Folders last and the deepest first: each is empty by then, or somebody put something into it.
        self.take_away([name for name in gone if self.known[name][0] == "f"])
        for name in sorted((name for name in gone if self.known[name][0] == "d"), key=lambda name: -name.count("/")):
            self.take_away([name])
        self.known = now
        self.save()
        return True

    def send(self, names):
        if names:
            self.rsync(
                "-tpogO", "--dirs", "--update", f"--temp-dir={OWN}", "--from0", "--files-from=-", "--ignore-missing-args",
                self.config["folder"] + "/", self.url, stdin=b"".join(os.fsencode(name) + b"\0" for name in names),
            )

    def take_away(self, names):
        if names:
            self.rsync(
                "-tO", "--dirs", f"--temp-dir={OWN}", "--from0", "--files-from=-", "--delete-missing-args",
                self.config["folder"] + "/", self.url, stdin=b"".join(os.fsencode(name) + b"\0" for name in names),
            )

    def unchanged_there(self, names):
        """Those that are on the other side just as they were last brought there."""
        out = self.rsync(
            "-r", "--list-only", "--no-human-readable", "--8-bit-output", "--exclude=/" + OWN + "/", self.url,
        )
        there = {}
        for line in out.split(b"\n"):
            found = re.match(rb"([-d])\S{9}\s+(\d+) (\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d) (.+)$", line)
            if found:
                name = re.sub(rb"\\#(\d{3})", lambda code: bytes([int(code.group(1), 8)]), found.group(9))
                moment = found.group(3, 4, 5, 6, 7, 8)
                there[os.fsdecode(name)] = (found.group(1), int(found.group(2)), moment)

        def same(name):
            kind, size, mtime_ns = self.known[name][:3]
            if name not in there:
                return False
            if kind == "d":
                return there[name][0] == b"d"
            moment = time.strftime("%Y %m %d %H %M %S", time.gmtime(mtime_ns // 10**9)).encode().split()
            return there[name] == (b"-", size, tuple(moment))

        return [name for name in names if same(name)]

    def bring_all(self, now):
        """All of it, as the one that has the say: what is not here goes."""
        due = self.full_at and time.monotonic() >= self.full_at
        if now == self.known and not due and time.monotonic() - self.checked_at() < LOOK_SECS - 1:
            return False
        self.waiting = 1
        out = self.rsync(
            "-rtpogO", "--itemize-changes", "--delete", "--delay-updates", f"--temp-dir={OWN}", "--exclude=/" + OWN + "/", "--exclude=.*.part",
            "--exclude=.~tmp~/", self.config["folder"] + "/", self.url,
        )
        if now == self.known and not due:
            self.took_back(out)
        self.full_at, self.checked = 0.0, time.monotonic()
        self.known = now
        self.save()
        return True

    def took_back(self, itemized):
        """Nothing changed here, so what rsync did undoes what was changed there. Lines that begin with a dot are about rights and times."""
        names = [line.split(None, 1)[1] for line in itemized.split(b"\n") if line[:1] in (b"*", b"<", b"c") and b" " in line]
        if names:
            self.taken_back += len(names)
            self.taken_last = " ".join(os.fsdecode(names[-1]).split())
            print(f"{self.name}: took back {len(names)} changes that were made there, {self.taken_last} last", flush=True)

    def checked_at(self):
        return getattr(self, "checked", float("-inf"))

    def work(self):
        """Runs for as long as the service does."""
        while True:
            began = time.time()
            try:
                while self.bring():
                    if self.dirty_since:
                        self.last_ms = int((time.time() - self.dirty_since) * 1000)
                    if not self.wake.is_set():
                        break
                    self.wake.clear()
                self.why, self.failing_since, self.waiting = "", 0, 0
                self.dirty_since = 0
            except (Failed, OSError) as error:
                if not self.why:
                    print(f"{self.name}: {error}", flush=True)
                self.why = str(error)
                self.failing_since = self.failing_since or began
            if self.why:
                time.sleep(RETRY_SECS)
            elif self.wake.wait(min(LOOK_SECS, LET_BEGIN_SECS if self.full_at else LOOK_SECS)):
                self.dirty_since = time.time()
                time.sleep(GATHER_SECS)
            self.wake.clear()


def watch(folder, peers):
    """Wakes the peers' workers on every change. Where the kernel has no more watchers to give, they look every second."""
    told = ""
    while True:
        watcher = subprocess.Popen(
            ["inotifywait", "-m", "-r", "-q", "-e", "close_write,create,delete,move,attrib", "--format", "x",
             "--exclude", "/" + re.escape(OWN) + "(/|$)|/\\.[^/]*\\.part$", "--", folder],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for _ in watcher.stdout:
            for peer in peers:
                peer.wake.set()
        said = watcher.stderr.read().decode("utf-8", "replace").strip().replace("\n", " ")
        watcher.wait()
        if said and said != told:
            print(f"looks every second instead of being told: {said}", flush=True)
            told = said
        # It also ends where the folder itself goes; what was missed is found by looking.
        time.sleep(1)
        for peer in peers:
            peer.wake.set()


def tell(config, peers):
    """Writes down how it stands, for those who ask how well the service is."""
    file = config["status"]
    while True:
        lines = []
        for peer in peers:
            behind = int((time.time() - peer.dirty_since) * 1000) if peer.dirty_since else 0
            since = int(time.time() - peer.failing_since) if peer.why and peer.failing_since else 0
            lines.append(f"{peer.name}\t{'away' if peer.why else 'reached'}\t{peer.waiting}\t{behind}\t{peer.last_ms}\t{since}\t{peer.why}\t{peer.taken_back}\t{peer.taken_last}\n")
        with open(file + ".new", "w", encoding="utf-8", errors="replace") as out:
            out.writelines(lines)
        os.replace(file + ".new", file)
        time.sleep(1)


def new_id(folder):
    """Tells the others whether this folder is the one that they know: the folder's own number, then this start's."""
    own = os.path.join(folder, OWN)
    os.makedirs(own, mode=0o700, exist_ok=True)
    file = os.path.join(own, "id")
    try:
        with open(file, encoding="ascii") as kept:
            folder_id = kept.read(100).split(":")[0]
    except (OSError, ValueError):
        folder_id = ""
    folder_id = folder_id or secrets.token_hex(8)
    with open(file + ".new", "w", encoding="ascii") as out:
        out.write(folder_id + ":" + secrets.token_hex(4))
    os.replace(file + ".new", file)
    # What an interrupted copy left behind.
    for entry in os.scandir(own):
        if entry.name not in ("id", "id.new"):
            shutil.rmtree(entry.path, ignore_errors=True) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        config = json.load(file)
    with open(config["password_file"], encoding="ascii") as file:
        config["password"] = file.read().strip()
    os.makedirs(config["state"], exist_ok=True)
    new_id(config["folder"])
    daemons = [
        subprocess.Popen(["rsync", "--daemon", "--no-detach", f"--config={config['daemon']}", f"--address={address}", f"--port={port}"])
        for address, port in config["listen"]
    ]
    peers = [Peer(config, about) for about in config["peers"]]
    for peer in peers:
        threading.Thread(target=peer.work, name=peer.name, daemon=True).start()
    threading.Thread(target=watch, args=(config["folder"], peers), name="watch", daemon=True).start()
    threading.Thread(target=tell, args=(config, peers), name="tell", daemon=True).start()
    stop = threading.Event()
    # Not blocked and waited for: what is started here would inherit that and never end.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(1):
        if any(daemon.poll() is not None for daemon in daemons):
            print("the rsync daemon ended", file=sys.stderr, flush=True)
            sys.exit(end(daemons, 1))
    end(daemons, 0)


def end(daemons, code):
    for daemon in daemons:
        daemon.terminate()
    return code


if __name__ == "__main__":
    main()
