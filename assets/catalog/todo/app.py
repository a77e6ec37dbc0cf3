#!/usr/bin/env python3
"""A small to-do application that says who served it: the node, and the database behind whatever address it dials.

Python's standard library and PyMySQL. It opens a connection for each request, with short time-outs: after a failover the
next request finds the new database by itself. Without its database it answers 503 with a page; it never waits long, and
never ends.

    app.py CONFIG.json        the password comes in the environment: TODO_PASSWORD
"""

import html
import json
import os
import re
import secrets
import signal
import socket
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pymysql

TEXT_CHARS_MAX = 200
FORM_BYTES_MAX = 16 * 1024
PICTURE_BYTES_MAX = 5 * 1024 * 1024
PICTURES_MAX = 500
PICTURES_SHOWN = 24
ITEMS_SHOWN = 200

# What a file is, is told by its first bytes and never by what the browser says it is.
PICTURE_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
PICTURE_NAME = re.compile(r"[0-9]{14}-[0-9a-f]{12}\.(png|jpg|gif|webp)")

TABLES = (
    "CREATE TABLE IF NOT EXISTS todo_items ("
    " id BIGINT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(200) NOT NULL, done BOOLEAN NOT NULL DEFAULT FALSE,"
    " node VARCHAR(64) NOT NULL, created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP"
    ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
    "CREATE TABLE IF NOT EXISTS todo_visits ("
    " node VARCHAR(64) NOT NULL PRIMARY KEY, visits BIGINT NOT NULL DEFAULT 0"
    ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
)
NO_SUCH_TABLE = 1146


class Gone(Exception):
    """The database does not do what was asked; the text is for people."""


class Refused(Exception):
    """The request cannot be taken: its code and the text for people."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Database:
    """The first of the drawn databases that answers."""

    def __init__(self, addresses, password, connect_secs, answer_secs):
        self.addresses = addresses
        self.password = password
        self.connect_secs = connect_secs
        self.answer_secs = answer_secs
        # Used where the server offers TLS, and only there. It keeps listeners out; the address is trusted as drawn.
        self.tls = ssl.create_default_context()
        self.tls.check_hostname = False
        self.tls.verify_mode = ssl.CERT_NONE

    def connect(self):
        if not self.addresses:
            raise Gone("No database is drawn: add a flow from this application to one.")
        why = None
        for host, port in self.addresses:
            try:
                return pymysql.connect(
                    host=host, port=port, user="lab", password=self.password, database="lab", charset="utf8mb4",
                    connect_timeout=self.connect_secs, read_timeout=self.answer_secs, write_timeout=self.answer_secs,
                    autocommit=True, ssl=self.tls,
                )
            except (pymysql.MySQLError, OSError) as error:
                why = error
        raise Gone(in_words(why))

    def run(self, work):
        """Does `work(cursor)` on a new connection. Where the tables are missing they are made, and it is done again."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                try:
                    return work(cursor)
                except pymysql.ProgrammingError as error:
                    if error.args[:1] != (NO_SUCH_TABLE,):
                        raise
                    for table in TABLES:
                        cursor.execute(table)
                    return work(cursor)
        except (pymysql.MySQLError, OSError) as error:
            raise Gone(in_words(error)) from error
        finally:
            try:
                connection.close()
            except (pymysql.MySQLError, OSError):
                pass


def in_words(error):
    """What the database or the network said, without the numbers around it."""
    args = getattr(error, "args", ())
    text = str(args[1]) if len(args) > 1 else str(error)
    return text[:300] or type(error).__name__


def who_serves(cursor):
    """The name of the database's machine, and how many its cluster has; None where it is in none."""
    cursor.execute("SELECT @@hostname")
    name = cursor.fetchone()[0]
    cursor.execute("SHOW GLOBAL STATUS LIKE 'wsrep_cluster_size'")
    row = cursor.fetchone()
    size = int(row[1]) if row and str(row[1]).isdigit() else 0
    return name, size or None


def picture_type(data):
    """The ending that suits a picture, by its first bytes; None for all else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return None


def file_of_form(content_type, body):
    """The bytes of the field `picture` of a multipart form."""
    found = re.search(r'boundary="?([0-9A-Za-z\'()+_,./:=?-]{1,70})"?', content_type)
    if not content_type.startswith("multipart/form-data") or not found:
        raise Refused(400, "That was no form with a picture.")
    for part in body.split(b"--" + found.group(1).encode()):
        head, blank, data = part.partition(b"\r\n\r\n")
        if blank and b'name="picture"' in head:
            return data[:-2] if data.endswith(b"\r\n") else data
    raise Refused(400, "The form has no picture.")


class Pictures:
    """The folder that is kept the same on all nodes."""

    def __init__(self, folder):
        self.folder = folder

    def names(self):
        try:
            names = [name for name in os.listdir(self.folder) if PICTURE_NAME.fullmatch(name)]
        except OSError:
            return []
        return sorted(names, reverse=True)

    def keep(self, data):
        kind = picture_type(data)
        if kind is None:
            raise Refused(415, "Only PNG, JPEG, GIF and WebP pictures are taken.")
        if len(self.names()) >= PICTURES_MAX:
            raise Refused(507, "There are enough pictures; take some away first.")
        name = time.strftime("%Y%m%d%H%M%S", time.gmtime()) + "-" + secrets.token_hex(6) + "." + kind
        # Written under a name that nobody copies, then renamed: no half of a picture is ever seen or copied.
        part = os.path.join(self.folder, "." + name + ".part")
        try:
            with open(part, "wb") as file:
                file.write(data)
                os.fchmod(file.fileno(), 0o664)
            os.rename(part, os.path.join(self.folder, name))
        except OSError as error:
            try:
                os.unlink(part)
            except OSError:
                pass
            raise Refused(507, "The picture cannot be kept: " + (error.strerror or "the disk refuses") + ".") from error

    def read(self, name):
        if not PICTURE_NAME.fullmatch(name):
            raise Refused(404, "There is no such picture.")
        try:
            # Not through a link: whoever can write here must not make us read elsewhere.
            with os.fdopen(os.open(os.path.join(self.folder, name), os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                return file.read(PICTURE_BYTES_MAX + 1), PICTURE_TYPES[name.rsplit(".", 1)[1]]
        except OSError as error:
            raise Refused(404, "There is no such picture.") from error

    def drop(self, name):
        if PICTURE_NAME.fullmatch(name):
            try:
                os.unlink(os.path.join(self.folder, name))
            except OSError:
                pass


STYLE = """
:root{color-scheme:light dark;--paper:#f4f5f7;--card:#fff;--ink:#1c2230;--soft:#667085;--line:#e3e6eb;--accent:#3358d4;--good:#1f8a5b;--bad:#c2362b}
@media(prefers-color-scheme:dark){:root{--paper:#12151b;--card:#1b2029;--ink:#e8ebf1;--soft:#97a1b3;--line:#2b323f;--accent:#7c9bff;--good:#4cc38a;--bad:#ff7b6e}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:46rem;margin:0 auto;padding:1.5rem 1rem 3rem}h1{font-size:1.5rem;margin:.2rem 0 1rem}h2{font-size:1rem;margin:0 0 .7rem}
.served{display:flex;flex-wrap:wrap;gap:.5rem;margin-bottom:1rem}.served span{background:var(--card);border:1px solid var(--line);border-radius:999px;padding:.25rem .8rem;color:var(--soft);font-size:.85rem}
.served b{color:var(--ink)}.served .good b{color:var(--good)}.served .bad b{color:var(--bad)}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1rem;margin-bottom:1rem}
form{display:inline}form.row{display:flex;gap:.5rem}input[type=text]{flex:1;min-width:0;padding:.55rem .7rem;border:1px solid var(--line);border-radius:8px;background:var(--paper);color:inherit;font:inherit}
input[type=file]{flex:1;min-width:0;font:inherit;color:var(--soft)}button{padding:.5rem .9rem;border:1px solid transparent;border-radius:8px;background:var(--accent);color:#fff;font:inherit;cursor:pointer}
@media(prefers-color-scheme:dark){button{color:#10131a}}
button.quiet{background:none;color:var(--soft);border-color:var(--line);padding:.15rem .6rem;font-size:.85rem}button:focus-visible,input:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
ul{list-style:none;margin:1rem 0 0;padding:0}li{display:flex;align-items:center;gap:.6rem;padding:.5rem 0;border-top:1px solid var(--line)}li .text{flex:1;min-width:0;overflow-wrap:anywhere}
li.done .text{text-decoration:line-through;color:var(--soft)}small{color:var(--soft)}.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(8rem,1fr));gap:.6rem;margin-top:1rem}
figure{margin:0;text-align:center}figure img{width:100%;height:7rem;object-fit:cover;border-radius:8px;border:1px solid var(--line);background:var(--paper)}.empty{color:var(--soft);margin:1rem 0 0}
"""


def page(title, served, body):
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body><main><h1>{html.escape(title)}</h1>"
        f'<div class="served">{served}</div>{body}</main></body></html>'
    )


def tag(name, value, tone=""):
    return f'<span class="{tone}">{html.escape(name)} <b>{html.escape(str(value))}</b></span>'


def button(action, label, quiet=True):
    tone = ' class="quiet"' if quiet else ""
    return f'<form method="post" action="{html.escape(action)}"><button{tone}>{html.escape(label)}</button></form>'


def list_page(node, database, size, visits, items, pictures):
    served = tag("served by", node) + tag("database", database, "good")
    if size is not None:
        served += tag("cluster of", size)
    served += tag("visits", visits)
    rows = "".join(
        f'<li{" class=done" if done else ""}><span class="text">{html.escape(text)}<br><small>by way of {html.escape(by)}</small></span>'
        + button(f"/{'open' if done else 'done'}/{number}", "open again" if done else "done")
        + button(f"/delete/{number}", "delete")
        + "</li>"
        for number, text, done, by in items
    )
    shown = "".join(
        f'<figure><a href="/pictures/{name}"><img src="/pictures/{name}" alt="uploaded picture" loading="lazy"></a>'
        + button(f"/pictures/{name}/delete", "delete")
        + "</figure>"
        for name in pictures[:PICTURES_SHOWN]
    )
    body = (
        '<section><h2>What is to be done</h2><form class="row" method="post" action="/add">'
        f'<input type="text" name="text" maxlength="{TEXT_CHARS_MAX}" required aria-label="What is to be done" placeholder="What is to be done?">'
        "<button>Add</button></form>"
        + (f"<ul>{rows}</ul>" if rows else '<p class="empty">Nothing. Enjoy the day.</p>')
        + '</section><section><h2>Pictures</h2><form class="row" method="post" action="/upload" enctype="multipart/form-data">'
        '<input type="file" name="picture" accept="image/png,image/jpeg,image/gif,image/webp" required aria-label="A picture">'
        "<button>Upload</button></form>"
        + (f'<div class="pictures">{shown}</div>' if shown else '<p class="empty">None yet. A picture that one server takes is on the others a moment later.</p>')
        + "</section>"
    )
    return page("To do", served, body)


def gone_page(node, why):
    served = tag("served by", node) + tag("database", "gone", "bad")
    text = html.escape(why)
    return page("The database does not answer", served, f"<section><p>This application runs, its database does not: {text}</p><p>Try again in a moment.</p></section>")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "todo"
    sys_version = ""
    # A client that says nothing does not keep a thread.
    timeout = 30

    def do_GET(self):
        self.answer(self.get)

    def do_HEAD(self):
        self.answer(self.get)

    def do_POST(self):
        self.answer(self.post)

    def answer(self, work):
        app = self.server.app
        self.path_only = unquote(urlsplit(self.path).path, errors="replace")
        is_json = self.path_only.startswith("/api/")
        try:
            work(app)
        except Refused as error:
            self.close_connection = True
            if is_json:
                self.send_json(error.code, {"node": app["node"], "error": str(error)})
            else:
                served = tag("served by", app["node"])
                self.send_page(error.code, page(str(error), served, '<section><a href="/">Back</a></section>'))
        except Gone as error:
            if is_json:
                self.send_json(503, {"node": app["node"], "database": None, "error": str(error)})
            else:
                self.send_page(503, gone_page(app["node"], str(error)))

    def get(self, app):
        path = self.path_only
        if path in (app["health_path"], "/healthz"):
            # Says how this application is, and not how its database is: a balancer could do no better with another one.
            self.send_json(200, {"node": app["node"], "ok": True})
        elif path == "/":
            self.send_page(200, self.overview(app))
        elif path == "/api/status":
            started = time.monotonic()
            (name, size), items, visits = app["database"].run(count)
            took_ms = round((time.monotonic() - started) * 1000, 1)
            self.send_json(200, {
                "node": app["node"], "database": name, "cluster_size": size, "items": items, "visits": visits,
                "pictures": len(app["pictures"].names()), "database_ms": took_ms,
            })
        elif path == "/api/items":
            found = app["database"].run(read_items)
            self.send_json(200, {"node": app["node"], "items": [
                {"id": number, "text": text, "done": bool(done), "node": by} for number, text, done, by in found
            ]})
        elif path == "/api/pictures":
            self.send_json(200, {"node": app["node"], "pictures": app["pictures"].names()})
        elif path.startswith("/pictures/"):
            data, kind = app["pictures"].read(path[len("/pictures/"):])
            self.send_bytes(200, kind, data, cache="private, max-age=86400, immutable")
        else:
            raise Refused(404, "There is no such page.")

    def overview(self, app):
        def work(cursor):
            cursor.execute(
                "INSERT INTO todo_visits (node, visits) VALUES (%s, 1) ON DUPLICATE KEY UPDATE visits = visits + 1", (app["node"],)
            )
            cursor.execute("SELECT CAST(SUM(visits) AS SIGNED) FROM todo_visits")
            visits = cursor.fetchone()[0]
            return who_serves(cursor), visits, read_items(cursor)

        (name, size), visits, items = app["database"].run(work)
        return list_page(app["node"], name, size, visits, items, app["pictures"].names())

    def post(self, app):
        self.refuse_strangers()
        path = self.path_only
        if path == "/upload":
            body = self.body(PICTURE_BYTES_MAX + 4096)
            data = file_of_form(self.headers.get("Content-Type", ""), body)
            if len(data) > PICTURE_BYTES_MAX:
                raise Refused(413, "The picture is too large: 5 MiB are taken.")
            app["pictures"].keep(data)
            return self.go_back()
        form = self.body(FORM_BYTES_MAX)
        found = re.fullmatch(r"/pictures/([^/]+)/delete", path)
        if found:
            app["pictures"].drop(found.group(1))
            return self.go_back()
        if path == "/add":
            fields = parse_qs(form.decode("utf-8", "replace"), max_num_fields=10)
            text = " ".join("".join(c for c in fields.get("text", [""])[0] if c.isprintable()).split())[:TEXT_CHARS_MAX]
            if not text:
                raise Refused(400, "Nothing was written, so nothing is to be done.")
            app["database"].run(lambda cursor: cursor.execute("INSERT INTO todo_items (text, node) VALUES (%s, %s)", (text, app["node"])))
            return self.go_back()
        found = re.fullmatch(r"/(done|open|delete)/([0-9]{1,18})", path)
        if not found:
            raise Refused(404, "There is no such page.")
        verb, number = found.group(1), int(found.group(2))
        statement = {
            "done": "UPDATE todo_items SET done = TRUE WHERE id = %s",
            "open": "UPDATE todo_items SET done = FALSE WHERE id = %s",
            "delete": "DELETE FROM todo_items WHERE id = %s",
        }[verb]
        app["database"].run(lambda cursor: cursor.execute(statement, (number,)))
        self.go_back()

    def refuse_strangers(self):
        """A page of somebody else's must not make a visitor's browser change things here."""
        origin = self.headers.get("Origin", "")
        foreign = origin and urlsplit(origin).netloc != self.headers.get("Host", "")
        if foreign or self.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            raise Refused(403, "That came from another site.")

    def body(self, most):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            raise Refused(411, "The request does not say how long it is.")
        if int(length) > most:
            raise Refused(413, "That is too large.")
        try:
            data = self.rfile.read(int(length))
        except OSError as error:
            raise Refused(408, "The rest of the request did not come.") from error
        if len(data) != int(length):
            raise Refused(400, "The rest of the request did not come.")
        return data

    def go_back(self):
        self.send_response(303)
        self.send_header("Location", "/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_json(self, code, value):
        self.send_bytes(code, "application/json", (json.dumps(value) + "\n").encode())

    def send_page(self, code, text):
        self.send_bytes(code, "text/html; charset=utf-8", text.encode())

    def send_bytes(self, code, kind, data, cache="no-store"):
        self.send_response(code)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(data))),
            ("Cache-Control", cache),
            ("X-Served-By", self.server.app["node"]),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
        ):
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, form, *args):
        """Each request in the journal would bury what matters; failures are seen by whoever asks."""


def read_items(cursor):
    cursor.execute("SELECT id, text, done, node FROM todo_items ORDER BY done, id DESC LIMIT %s", (ITEMS_SHOWN,))
    return cursor.fetchall()


def count(cursor):
    # Every visit is written down: a database that only reads is of no use here.
    cursor.execute("SELECT @@global.read_only")
    if str(cursor.fetchone()[0]) not in ("0", "OFF"):
        raise Gone("The database takes no writes: it is read-only.")
    cursor.execute("SELECT COUNT(*) FROM todo_items")
    items = cursor.fetchone()[0]
    cursor.execute("SELECT CAST(COALESCE(SUM(visits), 0) AS SIGNED) FROM todo_visits")
    visits = cursor.fetchone()[0]
    return who_serves(cursor), items, visits


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # Requests that come in a burst wait here and are not refused.
    request_queue_size = 256

    def handle_error(self, request, client_address):
        """A client that went away is no news; anything else is written down and the server goes on."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            print(f"a request failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        config = json.load(file)
    app = {
        "node": config["node"],
        "health_path": config["health_path"],
        "database": Database(
            [tuple(address) for address in config["databases"]], os.environ.get("TODO_PASSWORD", ""),
            config["connect_secs"], config["answer_secs"],
        ),
        "pictures": Pictures(config["folder"]),
    }
    if sys.argv[2:] == ["--check"]:
        return
    socket.setdefaulttimeout(30)
    servers = [Server((address, port), Handler) for address, port in config["listen"]]
    for server in servers:
        server.app = app
        threading.Thread(target=server.serve_forever, name=f"{server.server_address[0]}", daemon=True).start()
    print("serves on " + ", ".join(f"{a}:{p}" for a, p in config["listen"]), flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
